"""What each part of the teacher is worth, on texts that people labeled."""

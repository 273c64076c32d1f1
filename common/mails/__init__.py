"""What a person wrote, found in mails and in HTML.

Takes raw texts; makes lines of text, without what was quoted or signed.
Imported by common/text.py, and by b_transformation to tell mails; imports nothing of the project.
"""

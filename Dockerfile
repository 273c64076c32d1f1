# The API: ONNX Runtime and the production model; no torch, no build tools, no root.
#   docker build -t message-triage-api .                   the model of models/production.json inside
#   docker build -t message-triage-api --target server .   no model inside: mount one, as here
#   docker run -p 8000:8000 -v "$PWD/models:/app/models:ro" message-triage-api
# Behind a proxy with a certificate authority of its own add --secret id=ca,src=/path/to/bundle.crt.
# Podman's own image format knows no health check: podman build --format docker ...

FROM python:3.11-slim AS packages
COPY requirements_docker.txt .
# Wheels only, so that no compiler is needed; then out with what serving never opens (the C library
# of ONNX Runtime among it: the Python module has its own copy inside), with sources in C, and with
# the compiled twins of SQLAlchemy's modules, which are large and optional.
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
 && python -m venv --without-pip /opt/venv \
 && python -m pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --only-binary=:all: \
      --disable-pip-version-check --root-user-action=ignore -r requirements_docker.txt \
 && cd /opt/venv/lib/python3.11/site-packages \
 && rm -rf onnxruntime/transformers onnxruntime/quantization onnxruntime/tools onnxruntime/datasets \
      onnxruntime/capi/libonnxruntime.so.* numpy/f2py numpy/distutils numpy/_core/_simd.*.so \
      sqlalchemy/testing sqlalchemy/dialects/mssql sqlalchemy/dialects/mysql \
      sqlalchemy/dialects/oracle \
 && find sqlalchemy -name "*.so" -delete \
 && find . -type d -name tests -prune -exec rm -rf {} + \
 && find . -type f -regex '.*\.\(a\|c\|h\|pxd\|pxi\|pyi\|pyx\)' -delete

# Of all models the one that serves, and of that what serving reads.
FROM python:3.11-slim AS model
COPY models /all
RUN id=$(python -c "import json; print(json.load(open('/all/production.json'))['model_id'])") \
 && mkdir -p "/models/$id" && cp /all/production.json /models/ && cd "/all/$id" \
 && served=$(python -c "import json; print(json.load(open('metrics.json')).get('served', 'model.int8.onnx'))") \
 && cp manifest.json "$served" tokenizer.json labels.yaml metrics.json "/models/$id/"

# Debian and Python without what serving never opens: pip, perl, apt, documents, locales. The list of
# Debian's packages stays, for those who look for known faults in them.
FROM python:3.11-slim AS base
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin app \
 && install -d -o app -g app /data \
 && cd "$(python -c "import sysconfig; print(sysconfig.get_path('stdlib'))")" \
 && rm -rf ensurepip idlelib lib2to3 pydoc_data site-packages/* tkinter turtledemo \
      /usr/lib/python3/dist-packages/* /usr/local/bin/pip* /usr/local/include \
      /usr/bin/apt* /usr/bin/gpgv /usr/bin/perl* /usr/lib/apt /usr/lib/*/gconv /usr/lib/*/libapt* \
      /usr/lib/*/perl* \
      /usr/share/bash-completion /usr/share/doc /usr/share/info /usr/share/locale /usr/share/man \
      /usr/share/perl* /usr/share/python-wheels /var/cache/* /var/lib/apt /var/lib/dpkg/info

# What was taken out is in no layer of this one.
FROM scratch AS server
COPY --from=base / /
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY conf/*.yaml conf/
COPY common common
COPY e_apification e_apification
RUN python -m compileall -q common e_apification
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    ORT_DISABLE_TELEMETRY=1 \
    PYTHONUNBUFFERED=1 \
    TRIAGE_RUN_DIR=/app \
    TRIAGE_SERVING__HOST=0.0.0.0 \
    TRIAGE_SERVING__PORT=8000
USER app
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD \
  ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
CMD ["python", "-m", "e_apification"]

FROM server AS server-with-model
COPY --from=model /models models

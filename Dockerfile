# One image for every process; compose.yaml and Container Apps choose the command.
FROM python:3.11-slim
WORKDIR /app
COPY requirements/runtime.txt requirements/runtime.txt
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements/runtime.txt
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation . && useradd --create-home fraud && mkdir /data && chown fraud /data
USER fraud
ENV FRAUD_DATA_DIR=/data
CMD ["fraud-server"]

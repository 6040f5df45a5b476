from flask import Flask, jsonify
from prometheus_flask_exporter import PrometheusMetrics

app = Flask(__name__)
metrics = PrometheusMetrics(app)


@app.get("/")
def index():
    return jsonify(hello="world")


@app.get("/readyz")
def readyz():
    return jsonify(ready=True)

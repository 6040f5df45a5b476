from flask import Flask, jsonify
from prometheus_flask_exporter import PrometheusMetrics

app = Flask(__name__)
metrics = PrometheusMetrics(app)
opened = []


@app.before_first_request
def open_once():
    opened.append("the model")


@app.get("/readyz")
def readyz():
    return jsonify(ready=True, opened=opened)

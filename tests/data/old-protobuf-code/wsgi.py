from google.api import http_pb2


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [http_pb2.HttpRule.DESCRIPTOR.full_name.encode()]

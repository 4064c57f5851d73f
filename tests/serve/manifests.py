"""manifests.py DEPLOY PROGRAM MODELS: holds the files in DEPLOY against the program, with the models in MODELS."""
import pathlib
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import yaml

deploy, program, models = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
INSTALLED = "/usr/local/bin/gradus"
HELP = subprocess.run([program, "serve", "--help"], capture_output=True, text=True, check=True).stdout


def check(condition, sentence):
    if not condition:
        sys.exit(sentence)


def option(words, name, default):
    return words[words.index(name) + 1] if name in words else default


def default_of(name):
    """The default that the program's help gives for an option, as a number."""
    found = re.search(rf"^ *{name} .*?\(default: ([\d.]+)", HELP, re.M | re.S)
    check(found, f"the help gives no default for {name}")
    return float(found[1])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def status_of(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def runs(words, where, paths, stop=signal.SIGTERM):
    """Starts the program with a manifest's words, the models' folder and the port exchanged, and asks these paths."""
    check(words[:2] == [INSTALLED, "serve"], f"{where}: {words}")
    port = free_port()
    exchange = {option(words, "--model-dir", None): models, option(words, "--port", None): str(port)}
    # Loopback alone: a test opens nothing to the network.
    exchange["0.0.0.0"] = "127.0.0.1"
    process = subprocess.Popen([program, *(exchange.get(word, word) for word in words[1:])], stderr=subprocess.PIPE,
                               text=True)
    said = []
    for line in process.stderr:
        said.append(line)
        if "Serving on" in line:
            break
    else:
        sys.exit(f"{where}: the program does not start: {''.join(said)}")
    for path in paths:
        check(status_of(port, path) == 200, f"{where}: {path} is answered with {status_of(port, path)}")
    check(status_of(port, "/nothing-there") == 404, "a path that is not there would pass too")
    process.send_signal(signal.SIGHUP)  # looks for new versions, and stays
    check(status_of(port, "/healthz") == 200, f"{where}: SIGHUP ends it")
    process.send_signal(stop)
    check(process.wait(timeout=20) == 0, f"{where}: it does not end as it should")


def check_container(container, where, port_named):
    words = container["command"]
    port = int(option(words, "--port", 8501))
    check([p["containerPort"] for p in container["ports"]] == [port], f"{where}: the port is not the container's")
    paths = []
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if probe not in container:
            continue
        asked = container[probe]["httpGet"]
        check(asked["port"] == (container["ports"][0]["name"] if port_named else port), f"{where}: {probe}")
        paths.append(asked["path"])
    check("/v2/health/ready" in paths, f"{where}: readiness is asked for")
    check(option(words, "--host", "127.0.0.1") == "0.0.0.0", f"{where}: a pod is asked from outside")
    return words, paths


def deployment():
    place, service = yaml.safe_load_all((deploy / "deployment.yaml").read_text())
    spec = place["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    words, paths = check_container(container, "deployment.yaml", True)
    notes = place["spec"]["template"]["metadata"]["annotations"]
    check(notes["prometheus.io/port"] == option(words, "--port", None), "Prometheus asks another port")
    paths.append(notes["prometheus.io/path"])
    (mount,) = container["volumeMounts"]
    check(mount["mountPath"] == option(words, "--model-dir", None), "the volume is mounted elsewhere")
    check([v["name"] for v in spec["volumes"]] == [mount["name"]], "the volume has another name")
    check(place["spec"]["selector"]["matchLabels"] == place["spec"]["template"]["metadata"]["labels"] ==
          service["spec"]["selector"], "the labels differ")
    check(service["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"], "the Service's port")
    pause = float(container["lifecycle"]["preStop"]["exec"]["command"][1])
    check(spec["terminationGracePeriodSeconds"] > pause + default_of("--grace"), "Kubernetes kills before the grace ends")
    runs(words, "deployment.yaml", paths)


def kserve():
    runtime, service = yaml.safe_load_all((deploy / "kserve.yaml").read_text())
    (container,) = runtime["spec"]["containers"]
    words, paths = check_container(container, "kserve.yaml", False)
    check(container["name"] == "kserve-container", "KServe knows the container by this name")
    check(option(words, "--model-dir", None) == "/mnt/models", "KServe puts models there")
    model = service["spec"]["predictor"]["model"]
    check(model["runtime"] == runtime["metadata"]["name"], "the InferenceService names another runtime")
    check(model["protocolVersion"] in runtime["spec"]["protocolVersions"], "the protocol is not the runtime's")
    check(model["modelFormat"]["name"] in [f["name"] for f in runtime["spec"]["supportedModelFormats"]], "the format")
    runs(words, "kserve.yaml", paths + ["/v2", "/v2/models/moons", "/v2/models/moons/ready"])


def unit():
    lines = (deploy / "gradus.service").read_text().splitlines()
    entries = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    words = entries["ExecStart"].split()
    check(option(words, "--model-dir", None) == "/var/lib/" + entries["StateDirectory"], "the models' folder")
    check(float(entries["TimeoutStopSec"]) > default_of("--grace"), "systemd kills before the grace ends")
    check(float(entries["LimitNOFILE"]) > default_of("--max-connections"), "descriptors for every connection")
    check(entries["ExecReload"] == "/bin/kill -HUP $MAINPID", "reload")
    runs(words, "gradus.service", ["/healthz", "/metrics", "/"])


deployment()
kserve()
unit()
print("The manifests say what the program does.")

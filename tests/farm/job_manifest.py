"""Checks a Kubernetes Job against job_schema.json, and what a schema cannot say.

    job_manifest.py check FILE STATUS...   one line for each thing that is wrong; STATUS: those that
                                           another try cannot change
    job_manifest.py broken FILE            each of some broken copies of FILE must be refused
    job_manifest.py command FILE           the words of its container's command, one on each line
"""
import copy
import json
import os
import sys

import jsonschema
import yaml


class Loader(yaml.SafeLoader):
    """A key that stands twice is an error, as it is for the API server."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"{key} stands twice, line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


def load(path):
    with open(path, encoding="utf-8") as file:
        documents = list(yaml.load_all(file, Loader))
    if len(documents) != 1:
        raise yaml.YAMLError(f"{len(documents)} documents")
    return documents[0]


def schema_complaints(job):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "job_schema.json")
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    for error in jsonschema.Draft202012Validator(schema).iter_errors(job):
        yield f"{'/'.join(map(str, error.absolute_path))}: {error.message}"


def rule_complaints(job):
    """Of fields that refer to one another."""
    spec = job["spec"]
    pod = spec["template"]["spec"]
    containers = [container["name"] for container in pod["containers"]]
    volumes = [volume["name"] for volume in pod.get("volumes", [])]
    for name in (containers, volumes):
        if len(set(name)) != len(name):
            yield f"a name stands twice in {name}"
    for container in pod["containers"]:
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in volumes:
                yield f"volumeMounts: there is no volume {mount['name']}"
    if spec.get("maxFailedIndexes", 0) > spec["completions"]:
        yield "maxFailedIndexes is larger than completions"
    for rule in spec.get("podFailurePolicy", {}).get("rules", []):
        if rule["action"] == "FailIndex" and "backoffLimitPerIndex" not in spec:
            yield "FailIndex needs backoffLimitPerIndex"
        codes = rule.get("onExitCodes", {})
        if codes.get("containerName", containers[0]) not in containers:
            yield f"onExitCodes: there is no container {codes['containerName']}"
        if codes.get("values", []) != sorted(codes.get("values", [])):
            yield f"onExitCodes: {codes['values']} are not in order"


def complaints(job):
    found = list(schema_complaints(job))
    return found or list(rule_complaints(job))


def first_action(job, status):
    """What the first rule that fits does after this exit status."""
    for rule in job["spec"]["podFailurePolicy"]["rules"]:
        codes = rule.get("onExitCodes")
        if codes and (status in codes["values"]) == (codes["operator"] == "In"):
            return rule["action"]
    return "Count"


def status_complaints(job, hopeless):
    for status in range(1, 256):
        want = "FailIndex" if status in hopeless else "Count"
        if first_action(job, status) != want:
            yield f"status {status}: {first_action(job, status)}, expected {want}"


def broken_copies(job):
    """Words that lead to a place, and what stands there instead; None: nothing."""
    rules = ["spec", "podFailurePolicy", "rules"]
    pod = ["spec", "template", "spec"]
    for place, value in (
        (["apiVersion"], "batch/v2"),
        (["spec", "completions"], None),
        (["spec", "completions"], "8"),
        (["spec", "completionmode"], "Indexed"),
        (["spec", "backoffLimitPerIndex"], None),
        (["spec", "maxFailedIndexes"], 9999),
        (rules + [0, "action"], "Retry"),
        (rules + [0, "onPodConditions", 0, "status"], True),
        (rules + [0, "onPodConditions", 0, "status"], None),
        (rules + [1, "onExitCodes", "values"], [66, 64]),
        (rules + [1, "onExitCodes", "values"], [0, 64]),
        (rules + [1, "onExitCodes", "containerName"], "other"),
        (rules + [1, "onPodConditions"], [{"type": "DisruptionTarget", "status": "True"}]),
        (pod + ["restartPolicy"], "OnFailure"),
        (pod + ["containers", 0, "command"], "poolscan scan"),
        (pod + ["containers", 0, "comand"], ["poolscan"]),
        (pod + ["containers", 0, "volumeMounts", 0, "name"], "other"),
        (pod + ["containers", 0, "resources", "limits", "memory"], "4 GB"),
        (pod + ["volumes"], None),
    ):
        broken = copy.deepcopy(job)
        where = broken
        for word in place[:-1]:
            where = where[word]
        if value is None:
            del where[place[-1]]
        else:
            where[place[-1]] = value
        yield "/".join(map(str, place)), value, broken


def main(what, path, *words):
    job = load(path)
    if what == "command":
        print("\n".join(job["spec"]["template"]["spec"]["containers"][0]["command"]))
        return 0
    if what == "broken":
        wrong = [f"{place} = {value} is not refused" for place, value, broken in broken_copies(job)
                 if not complaints(broken)]
    else:
        wrong = complaints(job) or list(status_complaints(job, set(map(int, words))))
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

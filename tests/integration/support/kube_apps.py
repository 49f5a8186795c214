"""Apps of the tests' own, as they are before Lifeboat comes."""

CONTEXT = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def workload(kind="StatefulSet", name="postgres", *, resources=None, labels=None, inits=(), volumes=(), image="postgres:17"):
    """A Postgres as an app might have it, with as little or as much as a test wants."""
    containers = [{"name": "postgres", "image": image, "securityContext": CONTEXT}]
    pod = {"containers": containers}
    if resources:
        containers[0]["resources"] = resources
    if inits:
        pod["initContainers"] = [{"name": each, "image": "busybox:1.36", **({"resources": resources} if resources else {})}
                                 for each in inits]
    if volumes:
        pod["volumes"] = [{"name": each, "emptyDir": {}} for each in volumes]
    found = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"},
             "spec": {"selector": {"matchLabels": {"app": name}},
                      "template": {"metadata": {"labels": {"app": name}}, "spec": pod}}}
    if kind == "StatefulSet":
        found["spec"]["serviceName"] = name
    if labels:
        found["metadata"]["labels"] = labels
    return found


def cluster(name="shop-db", **spec):
    """A CloudNativePG Cluster."""
    return {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": name, "namespace": "shop"},
            "spec": {"instances": 1, "storage": {"size": "1Gi"}, **spec}}

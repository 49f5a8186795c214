# Lifeboat in the pods of a CloudNativePG Cluster. No provider and no resource: what goes into your own manifests comes
# out as values, and can be looked at with `terraform console`.

terraform {
  required_version = ">= 1.5"
}

locals {
  config_name   = "${var.name}-config"
  store_name    = "${var.name}-store"
  postgres_name = "${var.name}-postgres"

  labels = {
    "app.kubernetes.io/name"    = "lifeboat"
    "app.kubernetes.io/part-of" = var.instance
  }

  # TOML's texts and lists of texts are JSON's.
  settings = <<-TOML
    [instance]
    name = ${jsonencode(var.instance)}

    [postgres]
    uri = "postgresql://lifeboat@127.0.0.1/postgres"
    password_file = "/run/secrets/postgres/password"

    [store]
    url = ${jsonencode(var.store_url)}
    endpoint = ${jsonencode(var.store_endpoint)}
    access_key_id_file = "/run/secrets/store/key-id"
    secret_access_key_file = "/run/secrets/store/key"
    expires_after = ${jsonencode(var.store_expires_after)}

    [encryption]
    recipients = ${jsonencode(var.recipients)}

    [retention]
    keep_days = ${var.keep_days}
  TOML

  # No readiness and no startup probe: either would take Postgres out of its Service. The liveness probe asks for nothing
  # but a loop that goes round, and has a grace period of its own, or a kill would take the Cluster's half hour.
  container = {
    name            = "lifeboat"
    image           = var.image
    imagePullPolicy = "IfNotPresent"
    args            = ["run"]
    restartPolicy   = "Always"
    ports           = [{ name = "lifeboat", containerPort = 9847, protocol = "TCP" }]
    livenessProbe = {
      httpGet                       = { path = "/livez", port = "lifeboat" }
      initialDelaySeconds           = 10
      periodSeconds                 = 30
      timeoutSeconds                = 10
      failureThreshold              = 10
      terminationGracePeriodSeconds = 30
    }
    # A native sidecar ends after Postgres: an open dump would hold up its shutdown.
    lifecycle = { preStop = { exec = { command = ["/usr/bin/lifeboat", "drain"] } } }
    resources = {
      requests = { cpu = var.cpu, memory = var.memory }
      limits   = merge({ memory = var.memory }, var.guaranteed ? { cpu = var.cpu } : {})
    }
    # Not the Cluster's 26: that user is a superuser by the socket.
    securityContext = {
      runAsNonRoot             = true
      runAsUser                = 65532
      runAsGroup               = 65532
      allowPrivilegeEscalation = false
      readOnlyRootFilesystem   = true
      capabilities             = { drop = ["ALL"] }
      seccompProfile           = { type = "RuntimeDefault" }
    }
    terminationMessagePolicy = "FallbackToLogsOnError"
    volumeMounts = [
      { name = "lifeboat-config", mountPath = "/etc/lifeboat", readOnly = true },
      { name = "lifeboat-store", mountPath = "/run/secrets/store", readOnly = true },
      { name = "lifeboat-postgres", mountPath = "/run/secrets/postgres", readOnly = true },
      { name = "lifeboat-no-token", mountPath = "/var/run/secrets/kubernetes.io/serviceaccount", readOnly = true },
    ]
  }

  # All of them are optional: without them the sidecar says what it lacks, and Postgres is not held up. 292 is 0444. The
  # last one lies over the place of the instance's token, which may read the Cluster's Secrets.
  volumes = [
    { name = "lifeboat-config", configMap = { name = local.config_name, optional = true } },
    { name = "lifeboat-store", secret = { secretName = local.store_name, optional = true, defaultMode = 292 } },
    { name = "lifeboat-postgres", secret = { secretName = local.postgres_name, optional = true, defaultMode = 292 } },
    { name = "lifeboat-no-token", emptyDir = { medium = "Memory", sizeLimit = "1Mi" } },
  ]

  # Appended, so that the sidecar comes last: whatever stands behind it waits for it.
  patches = concat(
    [for volume in local.volumes : { op = "add", path = "/spec/volumes/-", value = volume }],
    [{ op = "add", path = "/spec/initContainers/-", value = local.container }],
  )
}

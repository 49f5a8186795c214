# Whether every database has a good backup in the store, asked of the store alone: once a day, from a namespace that none
# of them is in, with a key that only reads. No provider and no resource, as in ../sidecar.

terraform {
  required_version = ">= 1.5"
}

locals {
  name     = "lifeboat-check"
  metadata = { name = local.name, namespace = var.namespace, labels = local.labels }
  labels   = { "app.kubernetes.io/name" = "lifeboat", "app.kubernetes.io/component" = "check" }

  settings = <<-TOML
    [store]
    url = ${jsonencode(var.store_url)}
    endpoint = ${jsonencode(var.store_endpoint)}
    access_key_id_file = "/run/secrets/store/key-id"
    secret_access_key_file = "/run/secrets/store/key"

    [log]
    format = "text"
  TOML

  container = {
    name                     = "status"
    image                    = var.image
    imagePullPolicy          = "IfNotPresent"
    args                     = ["status", "--all", "--expect", "/etc/lifeboat/expected.txt"]
    terminationMessagePolicy = "FallbackToLogsOnError"
    resources                = { requests = { cpu = "100m", memory = "128Mi" }, limits = { memory = "128Mi" } }
    securityContext = {
      allowPrivilegeEscalation = false
      readOnlyRootFilesystem   = true
      capabilities             = { drop = ["ALL"] }
    }
    volumeMounts = [
      { name = "config", mountPath = "/etc/lifeboat", readOnly = true },
      { name = "store", mountPath = "/run/secrets/store", readOnly = true },
    ]
  }

  pod = {
    automountServiceAccountToken = false
    restartPolicy                = "Never"
    securityContext = {
      runAsNonRoot   = true
      runAsUser      = 65532
      runAsGroup     = 65532
      fsGroup        = 65532
      seccompProfile = { type = "RuntimeDefault" }
    }
    containers = [local.container]
    volumes = [
      { name = "config", configMap = { name = local.name } },
      { name = "store", secret = { secretName = "${local.name}-store", defaultMode = 288 } }, # 0440
    ]
  }

  manifests = {
    namespace = {
      apiVersion = "v1"
      kind       = "Namespace"
      metadata   = { name = var.namespace, labels = { "pod-security.kubernetes.io/enforce" = "restricted" } }
    }

    config = {
      apiVersion = "v1"
      kind       = "ConfigMap"
      metadata   = local.metadata
      data = {
        "lifeboat.toml" = local.settings
        "expected.txt"  = join("", [for name in sort(var.expected) : "${name}\n"])
      }
    }

    cron_job = {
      apiVersion = "batch/v1"
      kind       = "CronJob"
      metadata   = local.metadata
      spec = {
        schedule                   = var.schedule
        timeZone                   = "Etc/UTC"
        concurrencyPolicy          = "Forbid"
        startingDeadlineSeconds    = 3600
        successfulJobsHistoryLimit = 1
        failedJobsHistoryLimit     = 3
        jobTemplate = {
          spec = {
            # Also for a pod that cannot begin, because its Secret is missing for one.
            activeDeadlineSeconds = 900
            backoffLimit          = 3
            # 1, the store cannot be reached, is tried again. Settings that are wrong (2), and a database without a good
            # backup (3), are no better a minute later.
            podFailurePolicy = {
              rules = [{
                action      = "FailJob"
                onExitCodes = { containerName = "status", operator = "In", values = [2, 3] }
              }]
            }
            template = { metadata = { labels = local.labels }, spec = local.pod }
          }
        }
      }
    }
  }
}

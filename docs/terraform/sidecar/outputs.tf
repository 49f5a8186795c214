output "pod_patch" {
  description = "For the Cluster's annotation cnpg.io/podPatch."
  # Elements of a list have one type in Terraform, and these have not: so the two lists are joined as texts.
  value = (
    length(var.more_patches) == 0
    ? jsonencode(local.patches)
    : "${trimsuffix(jsonencode(local.patches), "]")},${trimprefix(jsonencode(var.more_patches), "[")}"
  )
}

output "managed_role" {
  description = "For the Cluster's spec.managed.roles."
  value = {
    name            = "lifeboat"
    ensure          = "present"
    comment         = "reads everything for backups"
    login           = true
    superuser       = false
    createdb        = false
    createrole      = false
    replication     = false
    bypassrls       = true
    connectionLimit = 8
    inRoles         = ["pg_read_all_data", "pg_read_all_settings"]
    passwordSecret  = { name = local.postgres_name }
  }
}

output "config_map" {
  description = "The ConfigMap of the settings, as a manifest. A change of it restarts nothing."
  value = {
    apiVersion = "v1"
    kind       = "ConfigMap"
    metadata   = { name = local.config_name, namespace = var.namespace, labels = local.labels }
    data       = { "lifeboat.toml" = trimspace("${local.settings}\n${var.more_settings}") }
  }
}

output "store_secret" {
  description = "The name of the Secret with the store's key: its keys are key-id and key."
  value       = local.store_name
}

output "postgres_secret" {
  description = "The name of the Secret with the role's name and password, of type kubernetes.io/basic-auth."
  value       = local.postgres_name
}

output "labels" {
  description = "What Lifeboat's own objects are labelled with."
  value       = local.labels
}

# None of them is `cnpg-s3-creds`: whoever has the key of the cluster's own archive must not have the one of the copies
# that are to outlive it. Values come from the environment (TF_VAR_store_keys, …) and are neither in the state nor in a
# plan. They are written when `secrets_revision` changes.

variable "store_keys" {
  description = "For each instance the key of its own prefix, which cannot delete."
  type        = map(object({ id = string, key = string }))
  ephemeral   = true
}

variable "check_key" {
  description = "A key for the whole prefix that only lists and reads."
  type        = object({ id = string, key = string })
  ephemeral   = true
}

variable "passwords" {
  description = "For each instance the password of its role lifeboat."
  type        = map(string)
  ephemeral   = true
}

variable "secrets_revision" {
  description = "Count it up to have the values written anew."
  type        = number
  default     = 1
}

resource "kubernetes_secret_v1" "lifeboat_store" {
  for_each = local.databases

  metadata {
    name      = module.lifeboat[each.key].store_secret
    namespace = each.value.namespace
    labels    = module.lifeboat[each.key].labels
  }

  data_wo = {
    key-id = var.store_keys[each.key].id
    key    = var.store_keys[each.key].key
  }
  data_wo_revision = var.secrets_revision
}

# CloudNativePG gives the role this password, and takes up a change of it at once.
resource "kubernetes_secret_v1" "lifeboat_postgres" {
  for_each = local.databases

  metadata {
    name      = module.lifeboat[each.key].postgres_secret
    namespace = each.value.namespace
    labels    = merge(module.lifeboat[each.key].labels, { "cnpg.io/reload" = "true" })
  }
  type = "kubernetes.io/basic-auth"

  data_wo = {
    username = "lifeboat"
    password = var.passwords[each.key]
  }
  data_wo_revision = var.secrets_revision
}

resource "kubernetes_secret_v1" "check_store" {
  metadata {
    name      = module.check.store_secret
    namespace = module.check.namespace
  }

  data_wo = {
    key-id = var.check_key.id
    key    = var.check_key.key
  }
  data_wo_revision = var.secrets_revision

  depends_on = [kubernetes_manifest.check_namespace]
}

locals {
  # Those that Terraform owns, and the namespaces that they are in.
  databases = {
    pal-e-postgres = { namespace = "postgres", guaranteed = true }
    woodpecker-db  = { namespace = "woodpecker", guaranteed = false }
  }
}

module "lifeboat" {
  source   = "../sidecar"
  for_each = local.databases

  instance       = each.key
  namespace      = each.value.namespace
  guaranteed     = each.value.guaranteed
  image          = var.image
  store_url      = var.store_url
  store_endpoint = var.store_endpoint
  recipients     = var.recipients
}

# Or else they are what kustomize/overlays has, which changes without Terraform: one of the two owns the ConfigMap.
resource "kubernetes_manifest" "lifeboat_config" {
  for_each = var.own_settings ? local.databases : {}

  manifest = module.lifeboat[each.key].config_map
}

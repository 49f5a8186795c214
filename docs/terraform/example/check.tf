# In the place of a CronJob that checked each cluster's own archive: one for all databases and their copies off the cluster.

module "check" {
  source = "../check"

  expected       = var.expected
  image          = var.image
  store_url      = var.store_url
  store_endpoint = var.store_endpoint
}

resource "kubernetes_manifest" "check_namespace" {
  manifest = module.check.manifests.namespace
}

resource "kubernetes_manifest" "check_config" {
  manifest   = module.check.manifests.config
  depends_on = [kubernetes_manifest.check_namespace]
}

resource "kubernetes_manifest" "check" {
  manifest   = module.check.manifests.cron_job
  depends_on = [kubernetes_manifest.check_config, kubernetes_secret_v1.check_store]
}

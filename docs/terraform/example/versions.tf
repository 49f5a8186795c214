terraform {
  required_version = ">= 1.11" # ephemeral variables, which keep the secrets out of the state

  required_providers {
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = ">= 2.36" # data_wo
    }
  }
}

provider "kubernetes" {
  config_path = "~/.kube/config"
}

variable "expected" {
  description = "The instances that the store has to hold good backups of."
  type        = set(string)

  validation {
    condition     = length(var.expected) > 0 && alltrue([for name in var.expected : can(regex("^[a-z0-9][a-z0-9-]{0,62}$", name))])
    error_message = "At least one instance; each by up to 63 lower-case letters, digits and hyphens."
  }
}

variable "namespace" {
  description = "A namespace of its own, which is none of those that are checked."
  type        = string
  default     = "lifeboat-check"
}

variable "image" {
  description = "Lifeboat's image, by tag, better by digest."
  type        = string

  validation {
    condition     = can(regex("(:[^:/@]+|@sha256:[0-9a-f]{64})$", var.image)) && !can(regex(":latest$", var.image))
    error_message = "The image needs a tag or a digest, and latest is none."
  }
}

variable "store_url" {
  description = "The bucket and the prefix that all instances share."
  type        = string
}

variable "store_endpoint" {
  description = "The S3 server, as https://HOST."
  type        = string
}

variable "schedule" {
  description = "When to look, in UTC: after the night's backups."
  type        = string
  default     = "42 6 * * *"
}

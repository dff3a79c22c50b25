output "credentials" {
  description = "Command that lets kubectl and helm reach the cluster."
  value       = "gcloud container clusters get-credentials ${google_container_cluster.cluster.name} --region ${var.region} --project ${var.project}"
}

output "values" {
  description = "Values of the chart: terraform output -raw values"
  value = templatefile("${path.module}/values.yaml.tftpl", {
    database        = google_sql_database_instance.database.private_ip_address
    bucket          = google_storage_bucket.images.name
    service_account = var.service_account
  })
}

output "secret" {
  description = "Key of the servers and password of the database, a line each: terraform output -raw secret"
  sensitive   = true
  value       = "IMAGEFINDER_KEY=${random_password.key.result}\nPGPASSWORD=${random_password.database.result}\n"
}

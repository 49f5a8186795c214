instance       = "pal-e-postgres"
namespace      = "postgres"
image          = "lifeboat:0.1.0"
store_url      = "s3://pal-e-backups/postgres"
store_endpoint = "https://s3.us-west-004.backblazeb2.com"
recipients     = ["age1ev2jgjuc2rz98p5uz6wfvm9har4thhe39h97x3r8f0arhn6kt4yquw2f52"]

image          = "lifeboat:0.1.0" # yours: registry.example.org/lifeboat:0.1.0@sha256:…
store_url      = "s3://pal-e-backups/postgres"
store_endpoint = "https://s3.us-west-004.backblazeb2.com"

recipients = [
  "age1ev2jgjuc2rz98p5uz6wfvm9har4thhe39h97x3r8f0arhn6kt4yquw2f52", # the team
  "age1lwhj5h7mwu9twehhcwc9ksc98wp6nudu9h6g8uck5d5sulpk3a2s9fk8lk", # offline, in the safe
]

expected = ["basketball-api", "mcd-tracker", "pal-e-postgres", "woodpecker-db"]

# The keys and passwords are not in this file: see secrets.tf.

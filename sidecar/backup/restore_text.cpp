#include "backup/restore_text.hpp"

#include <string>

namespace lifeboat::backup {
namespace {

std::string restore_text(const std::string& instance) {
    return R"(How to restore the PostgreSQL backups of ")" + instance + R"("

These files were written by Lifeboat. Standard tools read them: age, zstd and the PostgreSQL clients of the
server's major version or a newer one. You need the age identity (a file with a line AGE-SECRET-KEY-1...)
that belongs to one of the recipients in the manifest. Copy a folder of backups with cp -a: Lifeboat tells the
age of a backup by the times of its files.

  manifests/<id>.json    one for each whole backup: what is in it, with the size and SHA-256 of every file.
                         A backup without a manifest here is not whole. Its id is its start time, in UTC.
  partial/<id>.json      the same for a run in which some databases failed
  data/<id>/             the files of that backup: one <database>.dump.zst.age each, and globals.sql.zst.age.
                         tables.json.zst.age tells what each table held; a restore does not need it.

From a bucket, any S3 client copies all of this, such as (without the endpoint it is AWS; the region stands in the
endpoint's name):

     aws s3 cp --recursive --region <region> s3://<bucket and prefix>/)" +
           instance + R"( . --endpoint-url <URL of the endpoint>

1. Pick the newest manifest, look up the files of the databases that you need, and check what you downloaded:

     sha256sum data/<id>/app.dump.zst.age

2. Roles and tablespaces, as a superuser of the new server. An error that the role you connect with exists
   already is expected. Roles that exist already get the passwords of the backup too, also the one that you
   connect with (Lifeboat itself leaves them alone):

     age -d -i key.txt data/<id>/globals.sql.zst.age | zstd -d | psql -X -d postgres

3. Each database:

     age -d -i key.txt data/<id>/app.dump.zst.age | zstd -d | pg_restore --create --exit-on-error -d postgres

   For one that exists already, such as "postgres", leave out --create and name it with -d. A file that is
   continued in app.dump.zst.age.0001 and so on: cat them in order into age. Files without .age at the end of
   their name are not encrypted: leave out the age step.

4. Planner statistics are not in a backup:

     vacuumdb --all --analyze-in-stages

With Lifeboat, all of it at once:

     lifeboat restore latest --store <URL of this store> --instance )" +
           instance + R"( -i key.txt --to postgresql://postgres@127.0.0.1/postgres
)";
}

}  // namespace

Status write_restore_text(store::ObjectStore& store, const catalogue::Layout& layout) {
    const auto key = layout.restore_text();
    bool there = false;
    auto listed = store.list(key.text(), [&](const store::ObjectInfo& object) {
        if (object.key == key) {
            there = !object.hide_marker;  // of the newest version, which comes last
        }
        return done();
    });
    if (there || (!listed && listed.error().kind != ErrorKind::not_found)) {
        return listed;
    }
    const std::string text = restore_text(layout.instance());
    auto put = store::put(store, key, stream::as_bytes(text));
    // Someone else may have been first.
    if (!put && put.error().kind != ErrorKind::exists) {
        return std::move(put).error();
    }
    return done();
}

}  // namespace lifeboat::backup

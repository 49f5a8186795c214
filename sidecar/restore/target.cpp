#include "target.hpp"

namespace lifeboat::restore {
namespace {

// 16384 is the first object id that initdb does not hand out (FirstNormalObjectId in access/transam.h).
constexpr const char* anything_of_a_user = R"(
WITH of_extensions AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e')
SELECT EXISTS (SELECT FROM pg_class c WHERE c.oid >= 16384 AND c.relnamespace NOT IN
                 (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast|temp)')
               AND NOT EXISTS (SELECT FROM of_extensions e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid))
    OR EXISTS (SELECT FROM pg_proc p WHERE p.oid >= 16384
               AND NOT EXISTS (SELECT FROM of_extensions e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid))
    OR EXISTS (SELECT FROM pg_type t WHERE t.oid >= 16384 AND t.typelem = 0 AND t.typrelid = 0
               AND NOT EXISTS (SELECT FROM of_extensions e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid))
    OR EXISTS (SELECT FROM pg_namespace n WHERE n.oid >= 16384 AND n.nspname !~ '^pg_' AND n.nspname <> 'public'
               AND NOT EXISTS (SELECT FROM of_extensions e WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid))
    OR EXISTS (SELECT FROM pg_largeobject_metadata)
)";

Result<std::set<std::string>> names(postgres::Connection& connection, const std::string& sql) {
    auto rows = connection.query(sql);
    if (!rows) {
        return std::move(rows).error();
    }
    std::set<std::string> found;
    for (auto& row : *rows) {
        found.insert(std::move(row.front()).value_or(""));
    }
    return found;
}

}  // namespace

Result<std::set<std::string>> names_of_roles(postgres::Connection& connection) {
    return names(connection, "SELECT rolname FROM pg_catalog.pg_roles");
}

Result<std::set<std::string>> names_of_tablespaces(postgres::Connection& connection) {
    return names(connection, "SELECT spcname FROM pg_catalog.pg_tablespace");
}

Result<DatabaseState> state_of_database(const postgres::Server& server, postgres::Connection& connection,
                                        const std::string& name, const std::stop_token& stop) {
    auto count = connection.value("SELECT count(*) FROM pg_catalog.pg_database WHERE datname = $1", {name});
    if (!count) {
        return std::move(count).error();
    }
    if (*count == "0") {
        return DatabaseState::missing;
    }
    auto inside = postgres::Connection::open(server, name, stop);
    if (!inside) {
        return std::move(inside).error();
    }
    auto filled = inside->value(anything_of_a_user);
    if (!filled) {
        return in_context("cannot see what database '" + name + "' holds", std::move(filled).error());
    }
    return *filled == "t" ? DatabaseState::filled : DatabaseState::empty;
}

}  // namespace lifeboat::restore

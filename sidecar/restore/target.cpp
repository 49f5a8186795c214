#include "target.hpp"

namespace lifeboat::restore {
namespace {

// Everything that a user can make in a database and that an archive may bring, too. What belongs to a table, a type or
// a server stands behind that. 16384 is the first object id that initdb does not hand out (FirstNormalObjectId in
// access/transam.h). Extensions and what is theirs may be there beforehand.
constexpr const char* things_of_a_user = R"(
WITH things (classid, objid) AS (
    SELECT 'pg_class'::regclass, oid FROM pg_class WHERE relkind <> 'c' AND relnamespace NOT IN
        (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast|temp)')
    UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc
    UNION ALL SELECT 'pg_type'::regclass, t.oid FROM pg_type t WHERE typelem = 0
        AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind <> 'c')
    UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'public'
    UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast
    UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator
    UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass
    UNION ALL SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily
    UNION ALL SELECT 'pg_am'::regclass, oid FROM pg_am
    UNION ALL SELECT 'pg_collation'::regclass, oid FROM pg_collation
        WHERE collnamespace <> 'pg_catalog'::regnamespace
    UNION ALL SELECT 'pg_conversion'::regclass, oid FROM pg_conversion
    UNION ALL SELECT 'pg_language'::regclass, oid FROM pg_language
    UNION ALL SELECT 'pg_transform'::regclass, oid FROM pg_transform
    UNION ALL SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config
    UNION ALL SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict
    UNION ALL SELECT 'pg_ts_parser'::regclass, oid FROM pg_ts_parser
    UNION ALL SELECT 'pg_ts_template'::regclass, oid FROM pg_ts_template
    UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper
    UNION ALL SELECT 'pg_foreign_server'::regclass, oid FROM pg_foreign_server
    UNION ALL SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger
    UNION ALL SELECT 'pg_publication'::regclass, oid FROM pg_publication
    UNION ALL SELECT 'pg_largeobject'::regclass, oid FROM pg_largeobject_metadata
)
SELECT pg_catalog.pg_describe_object(classid, objid, 0) FROM things
WHERE (objid >= 16384 OR classid = 'pg_largeobject'::regclass)
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = things.classid AND d.objid = things.objid AND d.deptype = 'e')
UNION ALL
SELECT 'subscription ' || subname FROM pg_subscription
WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = pg_catalog.current_database())
ORDER BY 1 LIMIT $1)";

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

Result<DatabaseContent> look_into_database(const postgres::Server& server, postgres::Connection& connection,
                                           const std::string& name, const std::stop_token& stop) {
    auto count = connection.value("SELECT count(*) FROM pg_catalog.pg_database WHERE datname = $1", {name});
    if (!count) {
        return std::move(count).error();
    }
    if (*count == "0") {
        return DatabaseContent{};
    }
    auto inside = postgres::Connection::open(server, name, stop);
    if (!inside) {
        return std::move(inside).error();
    }
    auto found = inside->query(things_of_a_user, {std::to_string(most_examples)});
    if (!found) {
        return in_context("cannot see what database '" + name + "' holds", std::move(found).error());
    }
    DatabaseContent content;
    content.state = found->empty() ? DatabaseState::empty : DatabaseState::filled;
    for (auto& row : *found) {
        content.examples.push_back(std::move(row.front()).value_or(""));
    }
    return content;
}

}  // namespace lifeboat::restore

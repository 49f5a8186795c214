#include "postgres/next_step.hpp"

#include <gmock/gmock.h>

namespace lifeboat::postgres {
namespace {

using testing::HasSubstr;

struct Case {
    const char* program;
    const char* said;  // as Debian's 15 and 17 say it
    const char* next;
};

class NextStep : public testing::TestWithParam<Case> {};

TEST_P(NextStep, FitsWhatWasSaid) {
    EXPECT_THAT(next_step(GetParam().program, GetParam().said), HasSubstr(GetParam().next));
}

INSTANTIATE_TEST_SUITE_P(
    Words, NextStep,
    testing::Values(
        Case{"pg_restore", "could not execute query: ERROR:  permission denied for language internal", "superuser"},
        Case{"pg_restore", "could not execute query: ERROR:  must be superuser to create a base type", "superuser"},
        Case{"pg_restore", "could not execute query: ERROR:  must be member of role \"keeper\"", "--no-owner --no-acl"},
        Case{"pg_restore", "could not execute query: ERROR:  publication \"p\" already exists", "NAME=NEWNAME"},
        Case{"pg_restore", "ERROR:  duplicate key value violates unique constraint \"pg_ts_config_cfgname_index\"",
             "NAME=NEWNAME"},
        Case{"pg_restore",
             "COPY failed for table \"t\": ERROR:  character with byte sequence 0xc5 0xa1 in encoding \"UTF8\" has no "
             "equivalent in encoding \"LATIN1\"",
             "encoding"},
        Case{"pg_restore", "ERROR:  extension \"postgis\" is not available", "install the package"},
        Case{"pg_restore", "ERROR:  pg_cron can only be loaded via shared_preload_libraries", "restart the server"},
        Case{"pg_restore", "ERROR:  can only create extension in database postgres", "first, empty"},
        Case{"pg_restore", "ERROR:  could not extend file \"base/5/16402\": No space left on device", "make room"},
        Case{"pg_restore", "COPY failed for table \"t\": ERROR:  new row for relation \"t\" violates check constraint",
             "lifeboat cat"},
        Case{"pg_restore", "ERROR:  function unaccent(text) does not exist", "--use-list"},
        Case{"pg_restore", "ERROR:  unrecognized configuration parameter \"transaction_timeout\"", "setting"},
        Case{"pg_restore", "ERROR:  out of shared memory; HINT: … max_locks_per_transaction", "on the target"},
        Case{"pg_restore", "could not read from input file: end of file", "lifeboat verify"},
        Case{"pg_restore", "FATAL:  terminating connection due to administrator command", "server's log"},
        Case{"pg_dump", "ERROR:  out of shared memory; HINT: … max_locks_per_transaction", "locks every table"},
        Case{"pg_dump", "ERROR:  canceling statement due to statement timeout", "postgres.lock_timeout"},
        Case{"pg_dump", "ERROR:  canceling statement due to user request", "pg_cancel_backend"},
        Case{"pg_dump", "ERROR:  cache lookup failed for relation 16402", "run it again"},
        Case{"pg_dump", "ERROR:  could not open relation with OID 16402", "run it again"},
        Case{"pg_dump", "ERROR:  canceling statement due to conflict with recovery", "hot_standby_feedback"},
        Case{"pg_dump", "FATAL:  terminating connection due to conflict with recovery", "hot_standby_feedback"},
        Case{"pg_dump", "ERROR:  invalid memory alloc request size 1073741827", "exclude_table_data"},
        Case{"pg_dump", "FATAL:  too many connections for role \"lifeboat\"", "CONNECTION LIMIT"},
        Case{"pg_dump", "FEHLER:  Zugriff verweigert", "see the server's log for the same moment"}));

}  // namespace
}  // namespace lifeboat::postgres

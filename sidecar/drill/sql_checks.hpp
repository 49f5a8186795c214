// The owner's questions to a restored database.
#pragma once

#include "drill/drill_job.hpp"

namespace lifeboat::drill {

// In a transaction that can only read, and that takes five minutes at most. A question without an answer of one row and
// one column has failed, and so has one that the server refuses; only a stop is an error.
Result<CheckOutcome> ask(const postgres::Server& server, const SqlCheck& check, const std::stop_token& stop);

struct Expectation {
    std::string op;  // "=", "!=", ">", ">=", "<", "<="
    std::string value;
};

Expectation expectation_of(const std::string& expect);

}  // namespace lifeboat::drill

// What kind of statement a text of SQL is: "ALTER TABLE". For logs and pages, where the text itself may not stand.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lifeboat::postgres {

// The kind in a fixed list of words of our own; nothing of `sql` is ever returned, as it may hold anybody's data. Of
// several statements in one text the first that takes strong locks, else the last. Comments in front are passed over,
// and so is an end that was cut off, as the server does beyond track_activity_query_size. Nothing where the text is
// empty or begins with no command that is known here.
std::optional<std::string> statement_kind(std::string_view sql);

}  // namespace lifeboat::postgres

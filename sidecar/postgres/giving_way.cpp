#include "postgres/giving_way.hpp"

namespace lifeboat::postgres {
namespace {

// Tenths of a second below ten: "1.5 s", "12 s".
std::string seconds_text(std::chrono::milliseconds length) {
    const auto tenths = std::chrono::floor<std::chrono::duration<long, std::deci>>(length).count();
    const std::string whole = std::to_string(tenths / 10);
    return tenths < 100 && tenths % 10 != 0 ? whole + "." + std::to_string(tenths % 10) + " s" : whole + " s";
}

}  // namespace

std::string name_of(const GaveWay& gave_way) {
    switch (gave_way.to) {
        case GaveWay::To::statement: return gave_way.kind;
        case GaveWay::To::replay: return "the replay of what the primary did";
        case GaveWay::To::promotion: return "the server's promotion";
        case GaveWay::To::shutdown: return "the server's shutdown";
    }
    return {};
}

std::string in_words(const GaveWay& gave_way) {
    std::string words = "gave way to " + name_of(gave_way);
    switch (gave_way.to) {
        case GaveWay::To::statement:
        case GaveWay::To::replay:
            return words + ", which had waited for " + seconds_text(gave_way.waited) + " for a lock of the dump";
        case GaveWay::To::promotion:
        case GaveWay::To::shutdown: break;
    }
    return words;
}

std::string cure_of(const GaveWay& gave_way) {
    switch (gave_way.to) {
        case GaveWay::To::statement:
            return "run the backup at a time when no such statement runs (schedule.cron), let those statements wait "
                   "longer (postgres.yield_to_ddl), or leave the database out (postgres.exclude)";
        case GaveWay::To::replay:
            return "let the replay wait longer (postgres.yield_to_ddl), or make the backup on the primary "
                   "(postgres.role)";
        case GaveWay::To::promotion:
        case GaveWay::To::shutdown: break;
    }
    return "run the backup again when the server is up";
}

}  // namespace lifeboat::postgres

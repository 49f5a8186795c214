#include "types.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "config/suggest.hpp"
#include "config/values.hpp"
#include "result/in_quotes.hpp"
#include "schedule/cron.hpp"
#include "schedule/zone.hpp"

namespace lifeboat::config {
namespace {

constexpr std::string_view lower_and_digits = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view secret_identity = "AGE-SECRET-KEY-";

Error wrong(std::string what, std::string next) {
    return {ErrorKind::usage, std::move(what), std::move(next)};
}

// A value that is written as a text: `parse` takes it from there.
template <class T>
Type<T> from_text(const std::string& name, std::function<Result<T>(const std::string&)> parse,
                  std::function<Json(const T&)> show) {
    Type<T> type;
    type.name = name;
    type.read = [name, parse = std::move(parse)](const Raw& raw) -> Result<T> {
        auto text = read_text(name, raw);
        if (!text) {
            return text.error();
        }
        return parse(*text);
    };
    type.show = std::move(show);
    return type;
}

// A text that stays as it is once `check` has nothing against it.
Type<std::string> checked_text(const std::string& name, std::function<Status(const std::string&)> check) {
    return from_text<std::string>(
        name,
        [check = std::move(check)](const std::string& text) -> Result<std::string> {
            if (Status fit = check(text); !fit) {
                return fit.error();
            }
            return text;
        },
        [](const std::string& text) { return Json(text); });
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blank_characters = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(blank_characters);
    return begin == std::string_view::npos ? std::string_view{}
                                           : text.substr(begin, text.find_last_not_of(blank_characters) - begin + 1);
}

std::vector<Raw> split_at_commas(std::string_view text) {
    std::vector<Raw> elements;
    if (trimmed(text).empty()) {
        return elements;
    }
    while (true) {
        const std::size_t comma = text.find(',');
        elements.push_back(Raw::text(std::string(trimmed(text.substr(0, comma)))));
        if (comma == std::string_view::npos) {
            return elements;
        }
        text.remove_prefix(comma + 1);
    }
}

}  // namespace

Error wrong_form(const std::string& type, const Raw& raw) {
    const bool unquoted = raw.form != Raw::Form::list && raw.form != Raw::Form::table && !raw.is_string();
    return wrong("expected " + type + ", found " + std::string(raw.form_name()),
                 unquoted ? "if the value is right, put it in double quotes; else correct it" : "correct the value");
}

std::string alternatives(const std::vector<std::string>& words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        text += i == 0 ? "" : i + 1 == words.size() ? " or " : ", ";
        text += words[i];
    }
    return text;
}

Result<std::string> read_text(const std::string& type, const Raw& raw) {
    if (!raw.is_string()) {
        return wrong_form(type, raw);
    }
    if (raw.string.empty()) {
        return wrong("is empty", "give it a value, or take it away for the default");
    }
    if (raw.string.find('\0') != std::string::npos) {
        return wrong("holds a NUL character", "take it out");
    }
    return raw.string;
}

Result<std::int64_t> read_whole_number(const std::string& type, const Raw& raw, std::int64_t low, std::int64_t high) {
    std::int64_t number = raw.integer;
    if (raw.form == Raw::Form::text) {
        const char* const end = raw.string.data() + raw.string.size();
        const auto [stop, code] = std::from_chars(raw.string.data(), end, number);
        if (code != std::errc{} || stop != end) {
            return wrong(in_quotes(raw.string) + " is no whole number that fits",
                         "write a number from " + std::to_string(low) + " to " + std::to_string(high));
        }
    } else if (raw.form != Raw::Form::integer) {
        return wrong("expected " + type + ", found " + std::string(raw.form_name()), "write a number, without quotes");
    }
    if (number < low || number > high) {
        return wrong(std::to_string(number) + " is out of range",
                     "write a number from " + std::to_string(low) + " to " + std::to_string(high));
    }
    return number;
}

Type<std::string> any_text() {
    return checked_text("text", [](const std::string&) { return done(); });
}

Type<std::string> instance_name() {
    return checked_text("name", [](const std::string& text) -> Status {
        const bool fits = text.size() <= 63 && text.front() != '-' &&
                          text.find_first_not_of(std::string(lower_and_digits) + "-") == std::string::npos;
        if (!fits) {
            return wrong(in_quotes(text) + " cannot name an instance",
                         "use up to 63 lower-case letters, digits and hyphens, a letter or digit first");
        }
        return done();
    });
}

Type<std::string> cron() {
    return checked_text("cron schedule", [](const std::string& text) -> Status {
        const auto parsed = schedule::Cron::parse(text);
        return parsed ? done() : Status(parsed.error());
    });
}

Type<std::string> timezone() {
    return checked_text("time zone", schedule::Zone::check_name);
}

Type<std::string> endpoint() {
    return from_text<std::string>("web address", parse_endpoint, [](const std::string& text) { return Json(text); });
}

Type<std::string> region() {
    return checked_text("text", [](const std::string& text) -> Status {
        if (text.find_first_not_of(std::string(lower_and_digits) + "-") != std::string::npos) {
            return wrong(in_quotes(text) + " is no region", "write the store's name for it, such as \"us-west-004\"");
        }
        return done();
    });
}

Type<std::string> absolute_folder() {
    return checked_text("path", [](const std::string& text) -> Status {
        if (text.front() != '/') {
            return wrong(in_quotes(text) + " is no absolute path",
                         "write the path from the root, beginning with a slash");
        }
        return done();
    });
}

// Spelling only; the age room checks the checksum. Never quoted: it may be the secret half of the key.
Type<std::string> recipient() {
    return checked_text("age recipient", [](const std::string& text) -> Status {
        if (text.starts_with(secret_identity)) {
            return wrong("holds a secret key, not a recipient",
                         "write the public half, which begins with age1 (age-keygen -y prints it), and keep the "
                         "secret one where no backup runs");
        }
        const bool spelt = text.starts_with("age1") && text.find_first_not_of(lower_and_digits) == std::string::npos;
        if (!spelt || text.size() < 10) {
            return wrong("holds a text that is no age recipient",
                         "write public keys that begin with age1, in lower case");
        }
        return done();
    });
}

Type<std::string> identity_path() {
    return checked_text("path", [](const std::string& text) -> Status {
        if (text.starts_with(secret_identity)) {
            return wrong("holds a secret key itself", "write it into a file and give the file's path");
        }
        return done();
    });
}

Type<std::string> object_name() {
    return checked_text("name", [](const std::string& text) -> Status {
        const bool fits = text.size() <= 253 && text.front() != '-' && text.front() != '.' && text.back() != '-' &&
                          text.back() != '.' &&
                          text.find_first_not_of(std::string(lower_and_digits) + "-.") == std::string::npos;
        if (!fits) {
            return wrong(in_quotes(text) + " cannot name a Kubernetes object",
                         "use lower-case letters, digits, - and .");
        }
        return done();
    });
}

Type<std::filesystem::path> file_path() {
    return from_text<std::filesystem::path>(
        "path", [](const std::string& text) -> Result<std::filesystem::path> { return std::filesystem::path(text); },
        [](const std::filesystem::path& path) { return Json(path.string()); });
}

Type<Duration> duration() {
    Type<Duration> type = from_text<Duration>("duration", parse_duration,
                                              [](const Duration& value) { return Json(write_duration(value)); });
    type.read = [read = type.read](const Raw& raw) -> Result<Duration> {
        if (raw.form != Raw::Form::integer) {
            return read(raw);
        }
        return parse_duration(std::to_string(raw.integer));  // 0, or the message about the unit
    };
    return type;
}

Type<Duration> positive_duration() {
    Type<Duration> type = duration();
    type.read = [read = type.read](const Raw& raw) -> Result<Duration> {
        auto value = read(raw);
        if (value && *value <= Duration::zero()) {
            return wrong("0 is too short", "write a longer duration, such as \"5m\"");
        }
        return value;
    };
    return type;
}

Type<Size> size_between(Size low, Size high) {
    Type<Size> type;
    type.name = "size, " + write_size(low) + " to " + write_size(high);
    type.read = [name = type.name, low, high](const Raw& raw) -> Result<Size> {
        const bool number = raw.form == Raw::Form::integer;
        auto text = number ? Result<std::string>(std::to_string(raw.integer)) : read_text(name, raw);
        if (!text) {
            return text.error();
        }
        auto size = parse_size(*text);
        if (size && (*size < low || *size > high)) {
            return wrong(in_quotes(*text) + " is out of range",
                         "write a size from " + write_size(low) + " to " + write_size(high));
        }
        return size;
    };
    type.show = [](const Size& size) { return Json(write_size(size)); };
    return type;
}

Type<Rate> rate() {
    return from_text<Rate>("rate", parse_rate, [](const Rate& value) { return Json(write_rate(value)); });
}

Type<HostPort> address() {
    return from_text<HostPort>("address", parse_host_port,
                               [](const HostPort& value) { return Json(write_host_port(value)); });
}

Type<HostPort> loopback_address() {
    Type<HostPort> type = address();
    type.name = "loopback address";
    type.read = [read = type.read](const Raw& raw) -> Result<HostPort> {
        auto value = read(raw);
        if (value && !is_loopback(*value)) {
            return wrong(in_quotes(write_host_port(*value)) + " can be reached from other machines",
                         "use a loopback address, such as \"127.0.0.1:9848\", and a port-forward");
        }
        return value;
    };
    return type;
}

Type<StoreUrl> store_url() {
    return from_text<StoreUrl>("store address", parse_store_url, [](const StoreUrl& url) { return Json(url.text); });
}

Type<ObjectLock> object_lock() {
    return from_text<ObjectLock>("object lock", parse_object_lock, [](const ObjectLock& lock) {
        return Json("compliance:" + write_duration(lock.retain));
    });
}

Type<bool> truth() {
    Type<bool> type;
    type.name = "true or false";
    type.read = [](const Raw& raw) -> Result<bool> {
        if (raw.form == Raw::Form::boolean) {
            return raw.boolean;
        }
        if (raw.form == Raw::Form::text && (raw.string == "true" || raw.string == "false")) {
            return raw.string == "true";
        }
        const std::string found = raw.form == Raw::Form::text ? in_quotes(raw.string) : std::string(raw.form_name());
        return wrong("expected true or false, found " + found, "write true or false, without quotes");
    };
    type.show = [](const bool& value) { return Json(value); };
    return type;
}

Type<PruneMode> prune_mode() {
    Type<PruneMode> type =
        one_of<PruneMode>({{"auto", PruneMode::automatic}, {"true", PruneMode::always}, {"false", PruneMode::never}});
    type.name = R"("auto", true or false)";
    type.read = [read = type.read](const Raw& raw) -> Result<PruneMode> {
        if (raw.form == Raw::Form::boolean) {
            return raw.boolean ? PruneMode::always : PruneMode::never;
        }
        return read(raw);
    };
    type.show = [](const PruneMode& mode) {
        return mode == PruneMode::automatic ? Json("auto") : Json(mode == PruneMode::always);
    };
    return type;
}

namespace {

std::optional<double> number_of(const Raw& raw) {
    switch (raw.form) {
        case Raw::Form::integer: return static_cast<double>(raw.integer);
        case Raw::Form::real: return raw.real;
        case Raw::Form::text: {
            double number = 0;
            const char* const end = raw.string.data() + raw.string.size();
            const auto [stop, code] = std::from_chars(raw.string.data(), end, number);
            return code == std::errc{} && stop == end ? std::optional(number) : std::nullopt;
        }
        default: return std::nullopt;
    }
}

}  // namespace

Type<double> ratio() {
    Type<double> type;
    type.name = "number, 0 to 1";
    type.read = [name = type.name](const Raw& raw) -> Result<double> {
        const auto number = number_of(raw);
        if (!number) {
            return wrong("expected " + name + ", found " + std::string(raw.form_name()),
                         "write a number such as 0.5, without quotes");
        }
        if (!(*number >= 0 && *number <= 1)) {  // so that "not a number" is refused too
            return wrong("is out of range", "write a number from 0 to 1, such as 0.5");
        }
        return *number;
    };
    type.show = [](const double& value) { return Json(value); };
    return type;
}

Type<std::vector<std::string>> list_of(const Type<std::string>& element) {
    Type<std::vector<std::string>> type;
    type.name = "list of " + element.name + "s";
    type.is_list = true;
    type.read = [element, name = type.name](const Raw& raw) -> Result<std::vector<std::string>> {
        if (raw.form != Raw::Form::list && raw.form != Raw::Form::text) {
            return wrong("expected " + name + ", found " + std::string(raw.form_name()),
                         "write a list, such as [\"one\", \"two\"]");
        }
        std::vector<std::string> values;
        for (const Raw& each : raw.form == Raw::Form::list ? raw.list : split_at_commas(raw.string)) {
            auto value = element.read(each);
            if (!value) {
                return in_context("element " + std::to_string(values.size() + 1), value.error());
            }
            values.push_back(std::move(*value));
        }
        return values;
    };
    type.show = [](const std::vector<std::string>& values) { return Json(values); };
    return type;
}

Type<std::vector<std::string>> list_or_one(const Type<std::string>& element) {
    Type<std::vector<std::string>> type = list_of(element);
    type.name = element.name + ", or list of them";
    type.read = [read = type.read](const Raw& raw) {
        if (raw.form != Raw::Form::string) {
            return read(raw);
        }
        Raw list;
        list.form = Raw::Form::list;
        list.list = {raw};
        return read(list);
    };
    return type;
}

namespace {

const std::vector<std::pair<std::string, std::string DrillCheck::*>>& drill_check_keys() {
    static const std::vector<std::pair<std::string, std::string DrillCheck::*>> keys = {
        {"database", &DrillCheck::database}, {"query", &DrillCheck::query}, {"expect", &DrillCheck::expect}};
    return keys;
}

// Null where there is no such key.
std::string DrillCheck::*drill_check_member(const std::string& name) {
    for (const auto& [key, member] : drill_check_keys()) {
        if (key == name) {
            return member;
        }
    }
    return nullptr;
}

Error unknown_check_key(const std::string& name) {
    std::vector<std::string> known;
    for (const auto& [key, member] : drill_check_keys()) {
        known.push_back(key);
    }
    const auto meant = closest(name, known);
    return wrong("unknown key " + in_quotes(name),
                 meant ? "did you mean '" + *meant + "'?" : "use " + alternatives(known));
}

Result<DrillCheck> read_drill_check(const Raw& raw) {
    if (raw.form != Raw::Form::table) {
        return wrong("expected table, found " + std::string(raw.form_name()),
                     R"(write { database = "…", query = "…", expect = "…" })");
    }
    DrillCheck check;
    for (std::size_t i = 0; i < raw.names.size(); ++i) {
        const std::string& name = raw.names[i];
        std::string DrillCheck::*const member = drill_check_member(name);
        if (member == nullptr) {
            return unknown_check_key(name);
        }
        auto text = read_text("text", raw.list[i]);
        if (!text) {
            return in_context(name, text.error());
        }
        check.*member = std::move(*text);
    }
    for (const auto& [name, member] : drill_check_keys()) {
        if ((check.*member).empty()) {
            return wrong(name + " is missing", "add " + name + " = \"…\"");
        }
    }
    return check;
}

Json show_drill_check(const DrillCheck& check) {
    return {{"database", check.database}, {"query", check.query}, {"expect", check.expect}};
}

}  // namespace

Type<std::vector<DrillCheck>> drill_checks() {
    Type<std::vector<DrillCheck>> type;
    type.name = "list of { database, query, expect }";
    type.from_text = false;
    type.read = [name = type.name](const Raw& raw) -> Result<std::vector<DrillCheck>> {
        if (raw.form != Raw::Form::list) {
            return wrong("expected " + name + ", found " + std::string(raw.form_name()),
                         "write it as in docs/settings.md");
        }
        std::vector<DrillCheck> checks;
        for (const Raw& each : raw.list) {
            auto check = read_drill_check(each);
            if (!check) {
                return in_context("check " + std::to_string(checks.size() + 1), check.error());
            }
            checks.push_back(std::move(*check));
        }
        return checks;
    };
    type.show = [](const std::vector<DrillCheck>& checks) {
        Json list = Json::array();
        for (const DrillCheck& check : checks) {
            list.push_back(show_drill_check(check));
        }
        return list;
    };
    return type;
}

namespace {

// Secrets are hidden when shown; `check` must not quote what it gets.
Type<std::optional<Secret>> hidden_text(const std::string& name, std::function<Status(const std::string&)> check) {
    Type<std::optional<Secret>> type;
    type.name = name;
    type.is_secret = true;
    type.read = [name, check = std::move(check)](const Raw& raw) -> Result<std::optional<Secret>> {
        auto text = read_text(name, raw);
        if (!text) {
            return text.error();
        }
        if (Status fit = check(*text); !fit) {
            return fit.error();
        }
        return std::optional(Secret(std::move(*text)));
    };
    type.show = [](const std::optional<Secret>& value) { return value ? Json("(hidden)") : Json(); };
    return type;
}

bool has_blank_or_control(const std::string& text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

}  // namespace

Type<std::optional<Secret>> secret() {
    return hidden_text("secret text", [](const std::string&) { return done(); });
}

Type<std::optional<Secret>> server_uri() {
    Type<std::optional<Secret>> type = hidden_text("server address", [](const std::string& text) -> Status {
        if (!text.starts_with("postgresql://") && !text.starts_with("postgres://")) {
            return wrong("is no server address", "write postgresql://USER@HOST/DATABASE");
        }
        return done();
    });
    type.show = [](const std::optional<Secret>& value) { return value ? Json(mask_uri(value->reveal())) : Json(); };
    return type;
}

Type<std::optional<Secret>> web_address() {
    return hidden_text("secret web address", [](const std::string& text) -> Status {
        const std::size_t scheme = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
        if (scheme == 0 || text.size() == scheme || has_blank_or_control(text)) {
            return wrong("is no web address", "write it with https:// in front and without blanks");
        }
        return done();
    });
}

}  // namespace lifeboat::config

#include "s3/bucket_config.hpp"

#include "xml.hpp"

#include <charconv>

namespace lifeboat::s3 {
namespace {

std::optional<std::uint64_t> whole_number(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = code == std::errc{} && end == text.data() + text.size();
    return whole ? std::optional(value) : std::nullopt;
}

pugi::xml_node child(const pugi::xml_node& parent, std::string_view name) {
    for (const pugi::xml_node& node : parent.children()) {
        if (local_name(node) == name) {
            return node;
        }
    }
    return {};
}

// No store locks for longer than a century.
constexpr std::uint64_t most_days = 36'500;
constexpr std::uint64_t days_in_a_year = 365;

std::optional<DefaultRetention> retention_of(const pugi::xml_node& node) {
    const auto mode = child_text(node, "Mode").text.value_or("");
    const auto days = child_text(node, "Days").text;
    const auto years = child_text(node, "Years").text;
    const auto count = whole_number(days ? *days : years.value_or(""));
    if ((mode != "COMPLIANCE" && mode != "GOVERNANCE") || !count || *count > most_days) {
        return std::nullopt;
    }
    return DefaultRetention{mode, days ? *count : *count * days_in_a_year};
}

}  // namespace

std::optional<Versioning> parse_versioning(std::string_view body) {
    const XmlReply reply(body);
    const pugi::xml_node root = reply.root("VersioningConfiguration");
    if (root.empty()) {
        return std::nullopt;
    }
    const auto status = child_text(root, "Status");
    if (status.ambiguous) {
        return std::nullopt;
    }
    const auto text = status.text.value_or("");
    return text == "Enabled"     ? std::optional(Versioning::on)
           : text == "Suspended" ? std::optional(Versioning::suspended)
           : text.empty()        ? std::optional(Versioning::off)
                                 : std::nullopt;
}

std::optional<ObjectLockReply> parse_object_lock(std::string_view body) {
    const XmlReply reply(body);
    const pugi::xml_node root = reply.root("ObjectLockConfiguration");
    if (root.empty()) {
        return std::nullopt;
    }
    ObjectLockReply lock;
    lock.enabled = child_text(root, "ObjectLockEnabled").text.value_or("") == "Enabled";
    const pugi::xml_node retention = child(child(root, "Rule"), "DefaultRetention");
    if (!retention.empty()) {
        lock.retention = retention_of(retention);
        if (!lock.retention) {
            return std::nullopt;
        }
    }
    return lock;
}

}  // namespace lifeboat::s3

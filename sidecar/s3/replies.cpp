#include "s3/replies.hpp"

#include "iso_time.hpp"
#include "s3/encoding.hpp"
#include "xml.hpp"

#include <charconv>
#include <sstream>

namespace lifeboat::s3 {
namespace {

// Reads the texts of one record, and remembers whether all of them were what they had to be: a listing is
// understood as a whole or not at all.
class Record {
public:
    Record(const pugi::xml_node& node, bool names_are_encoded) : node_(node), names_are_encoded_(names_are_encoded) {}

    [[nodiscard]] bool understood() const { return understood_; }

    // Empty where there is none.
    std::string text(std::string_view name) {
        ChildText child = child_text(node_, name);
        understood_ = understood_ && !child.ambiguous;
        return child.text.value_or("");
    }

    std::string required(std::string_view name) {
        std::string found = text(name);
        understood_ = understood_ && !found.empty();
        return found;
    }

    // A key, or the start of one.
    std::string name(std::string_view element) {
        std::string written = text(element);
        if (!names_are_encoded_) {
            return written;
        }
        auto decoded = decode(written);
        understood_ = understood_ && decoded.has_value();
        return std::move(decoded).value_or("");
    }

    std::string required_name(std::string_view element) {
        std::string found = name(element);
        understood_ = understood_ && !found.empty();
        return found;
    }

    std::uint64_t number(std::string_view name) {
        const std::string written = required(name);
        std::uint64_t value = 0;
        const auto [end, code] = std::from_chars(written.data(), written.data() + written.size(), value);
        understood_ = understood_ && code == std::errc{} && end == written.data() + written.size();
        return value;
    }

    TimePoint time(std::string_view name) {
        const auto parsed = parse_iso_time(required(name));
        understood_ = understood_ && parsed.has_value();
        return parsed.value_or(TimePoint());
    }

    // Absent means no.
    bool flag(std::string_view name) {
        const std::string written = text(name);
        understood_ = understood_ && (written.empty() || written == "true" || written == "false");
        return written == "true";
    }

    std::string etag() {
        std::string written = text("ETag");
        if (written.size() >= 2 && written.front() == '"' && written.back() == '"') {
            return written.substr(1, written.size() - 2);
        }
        return written;
    }

private:
    pugi::xml_node node_;
    bool names_are_encoded_;
    bool understood_ = true;
};

// A listing's own fields, and how the names in it are written.
class Listing {
public:
    Listing(std::string_view body, std::string_view root)
        : reply_(body), root_(reply_.root(root)), page_(root_, false) {
        const std::string encoding = page_.text("EncodingType");
        names_are_encoded_ = encoding == "url";
        understood_ = !root_.empty() && page_.understood() && (encoding.empty() || names_are_encoded_);
        page_ = Record(root_, names_are_encoded_);
        truncated_ = page_.flag("IsTruncated");
    }

    [[nodiscard]] const pugi::xml_node& root() const { return root_; }
    [[nodiscard]] Record record(const pugi::xml_node& node) const { return {node, names_are_encoded_}; }
    [[nodiscard]] bool understood() const { return understood_ && page_.understood(); }

    // Where to go on; empty on the last page, whatever the server says there.
    std::string next(std::string_view element) { return truncated_ ? page_.text(element) : ""; }
    std::string required_next(std::string_view element) { return truncated_ ? page_.required(element) : ""; }
    std::string required_next_name(std::string_view element) { return truncated_ ? page_.required_name(element) : ""; }

private:
    XmlReply reply_;
    pugi::xml_node root_;
    Record page_;
    bool names_are_encoded_ = false;
    bool understood_ = false;
    bool truncated_ = false;
};

ListedObject object_of(Record& record) {
    ListedObject object;
    object.key = record.required_name("Key");
    object.size = record.number("Size");
    object.modified = record.time("LastModified");
    object.etag = record.etag();
    return object;
}

ListedVersion version_of(Record& record, bool hide_marker) {
    ListedVersion version;
    version.key = record.required_name("Key");
    version.version_id = record.required("VersionId");
    version.hide_marker = hide_marker;
    version.latest = record.flag("IsLatest");
    version.modified = record.time("LastModified");
    if (!hide_marker) {
        version.size = record.number("Size");
        version.etag = record.etag();
    }
    return version;
}

ListedUpload upload_of(Record& record) {
    ListedUpload upload;
    upload.key = record.required_name("Key");
    upload.upload_id = record.required("UploadId");
    upload.initiated = record.time("Initiated");
    return upload;
}

}  // namespace

std::optional<ErrorReply> parse_error(std::string_view body) {
    const XmlReply reply(body);
    const pugi::xml_node root = reply.root("Error");
    const auto text = [&](std::string_view name) { return child_text(root, name).text.value_or(""); };
    ErrorReply error{text("Code"), text("Message"), text("RequestId"), text("Region"),
                     parse_iso_time(text("ServerTime"))};
    return error.code.empty() ? std::nullopt : std::optional(std::move(error));
}

std::optional<std::string> parse_upload_id(std::string_view body) {
    const XmlReply reply(body);
    auto id = child_text(reply.root("InitiateMultipartUploadResult"), "UploadId").text;
    return id && !id->empty() ? id : std::nullopt;
}

std::optional<std::string> parse_completed_etag(std::string_view body) {
    const XmlReply reply(body);
    const pugi::xml_node root = reply.root("CompleteMultipartUploadResult");
    if (!child_text(root, "ETag").text) {
        return std::nullopt;
    }
    return Record(root, false).etag();
}

std::optional<ObjectPage> parse_object_page(std::string_view body) {
    Listing listing(body, "ListBucketResult");
    ObjectPage page;
    page.next = listing.required_next("NextContinuationToken");
    for (const pugi::xml_node& node : listing.root().children()) {
        if (local_name(node) != "Contents") {
            continue;
        }
        Record record = listing.record(node);
        page.objects.push_back(object_of(record));
        if (!record.understood()) {
            return std::nullopt;
        }
    }
    return listing.understood() ? std::optional(std::move(page)) : std::nullopt;
}

std::optional<VersionPage> parse_version_page(std::string_view body) {
    Listing listing(body, "ListVersionsResult");
    VersionPage page;
    page.next_key = listing.required_next_name("NextKeyMarker");
    page.next_version_id = listing.next("NextVersionIdMarker");
    for (const pugi::xml_node& node : listing.root().children()) {
        const bool hide_marker = local_name(node) == "DeleteMarker";
        if (!hide_marker && local_name(node) != "Version") {
            continue;
        }
        Record record = listing.record(node);
        page.versions.push_back(version_of(record, hide_marker));
        if (!record.understood()) {
            return std::nullopt;
        }
    }
    return listing.understood() ? std::optional(std::move(page)) : std::nullopt;
}

std::optional<UploadPage> parse_upload_page(std::string_view body) {
    Listing listing(body, "ListMultipartUploadsResult");
    UploadPage page;
    page.next_key = listing.required_next_name("NextKeyMarker");
    page.next_upload_id = listing.next("NextUploadIdMarker");
    for (const pugi::xml_node& node : listing.root().children()) {
        if (local_name(node) != "Upload") {
            continue;
        }
        Record record = listing.record(node);
        page.uploads.push_back(upload_of(record));
        if (!record.understood()) {
            return std::nullopt;
        }
    }
    return listing.understood() ? std::optional(std::move(page)) : std::nullopt;
}

namespace {

pugi::xml_node child(const pugi::xml_node& parent, std::string_view name) {
    for (const pugi::xml_node& node : parent.children()) {
        if (local_name(node) == name) {
            return node;
        }
    }
    return {};
}

// A rule's own <Prefix> is the older form of <Filter><Prefix>; with more than one condition they stand in <And>.
pugi::xml_node conditions_of(const pugi::xml_node& rule) {
    const auto filter = child(rule, "Filter");
    const auto several = child(filter, "And");
    return several ? several : filter;
}

bool is_in_force(const pugi::xml_node& rule) {
    return child_text(rule, "Status").text == "Enabled" && !child(conditions_of(rule), "Tag");
}

// The number below `rule`, or nothing where there is none; `understood` goes where it is no number.
std::optional<std::uint64_t> days_in(const pugi::xml_node& rule, std::string_view action, const std::string& name,
                                     bool& understood) {
    const auto node = child(rule, action);
    if (!child(node, name)) {
        return std::nullopt;
    }
    Record record(node, false);
    const auto days = record.number(name);
    understood = understood && record.understood();
    return days;
}

std::string coldest_class(const pugi::xml_node& rule) {
    std::string coldest;
    for (const pugi::xml_node& node : rule.children()) {
        if (local_name(node) != "Transition") {
            continue;
        }
        const auto name = child_text(node, "StorageClass").text.value_or("");
        if (name == "GLACIER" || name == "DEEP_ARCHIVE") {
            coldest = name;
        }
    }
    return coldest;
}

bool does_something(const LifecycleRule& rule) {
    return rule.days || rule.date || rule.noncurrent_days || rule.abort_days || !rule.moves_to.empty();
}

std::optional<LifecycleRule> rule_of(const pugi::xml_node& node) {
    Record record(node, false);
    Record filter(conditions_of(node), false);
    bool understood = true;
    LifecycleRule rule;
    rule.prefix = filter.text("Prefix") + record.text("Prefix");
    rule.days = days_in(node, "Expiration", "Days", understood);
    rule.noncurrent_days = days_in(node, "NoncurrentVersionExpiration", "NoncurrentDays", understood);
    rule.abort_days = days_in(node, "AbortIncompleteMultipartUpload", "DaysAfterInitiation", understood);
    rule.moves_to = coldest_class(node);
    if (const auto expiration = child(node, "Expiration"); !rule.days && child(expiration, "Date")) {
        Record date(expiration, false);
        rule.date = date.time("Date");
        understood = understood && date.understood();
    }
    return understood && record.understood() && filter.understood() ? std::optional(std::move(rule)) : std::nullopt;
}

}  // namespace

std::optional<std::vector<LifecycleRule>> parse_lifecycle(std::string_view body) {
    const XmlReply reply(body);
    const auto root = reply.root("LifecycleConfiguration");
    if (!root) {
        return std::nullopt;
    }
    std::vector<LifecycleRule> rules;
    for (const pugi::xml_node& node : root.children()) {
        if (local_name(node) != "Rule" || !is_in_force(node)) {
            continue;
        }
        auto rule = rule_of(node);
        if (!rule) {
            return std::nullopt;
        }
        if (does_something(*rule)) {
            rules.push_back(*std::move(rule));
        }
    }
    return rules;
}

std::string complete_body(const std::vector<std::string>& etags) {
    pugi::xml_document document;
    pugi::xml_node root = document.append_child("CompleteMultipartUpload");
    root.append_attribute("xmlns") = "http://s3.amazonaws.com/doc/2006-03-01/";
    unsigned number = 0;
    for (const std::string& etag : etags) {
        pugi::xml_node part = root.append_child("Part");
        part.append_child("PartNumber").text() = ++number;
        part.append_child("ETag").text() = etag.c_str();
    }
    std::ostringstream text;
    document.save(text, "", pugi::format_raw | pugi::format_no_declaration, pugi::encoding_utf8);
    return text.str();
}

}  // namespace lifeboat::s3

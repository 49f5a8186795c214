// Reading the small part of XML that S3 servers use: a root, records below it, texts in those.
#pragma once

#include <pugixml.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace lifeboat::s3 {

// A whole document with exactly one root element; white space may stand around it.
class XmlReply {
public:
    explicit XmlReply(std::string_view body);
    XmlReply(const XmlReply&) = delete;
    XmlReply& operator=(const XmlReply&) = delete;
    ~XmlReply() = default;

    // The root, where it has this name; else a null node.
    [[nodiscard]] pugi::xml_node root(std::string_view name) const;

private:
    pugi::xml_document document_;
    pugi::xml_node root_;
};

// "Key" of both <Key> and <s3:Key>; empty for what is no element.
std::string_view local_name(const pugi::xml_node& node);

// The text of the one child element `name`. A null text where there is none; `ambiguous` where there are several, or
// where it holds elements.
struct ChildText {
    std::optional<std::string> text;
    bool ambiguous = false;
};
ChildText child_text(const pugi::xml_node& parent, std::string_view name);

}  // namespace lifeboat::s3

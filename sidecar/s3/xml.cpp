#include "xml.hpp"

namespace lifeboat::s3 {
namespace {

constexpr std::string_view white_space = " \t\r\n";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::string_view trimmed(std::string_view text) {
    if (text.starts_with(byte_order_mark)) {
        text.remove_prefix(byte_order_mark.size());
    }
    const std::size_t first = text.find_first_not_of(white_space);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

// "&#0;" and its other spellings: pugixml ends a text there, so that "a&#0;b" would be read as "a". XML forbids it.
bool refers_to_nul(std::string_view text) {
    for (std::size_t at = text.find("&#"); at != std::string_view::npos; at = text.find("&#", at + 1)) {
        std::string_view digits = text.substr(at + 2);
        digits.remove_prefix(digits.starts_with('x') || digits.starts_with('X') ? 1 : 0);
        const std::size_t after = digits.find_first_not_of('0');
        if (after != 0 && (after == std::string_view::npos || digits[after] == ';')) {
            return true;
        }
    }
    return false;
}

bool is_element(const pugi::xml_node& node) {
    return node.type() == pugi::node_element;
}

pugi::xml_node only_element(const pugi::xml_document& document) {
    pugi::xml_node found;
    for (const pugi::xml_node& node : document.children()) {
        if (!is_element(node)) {
            continue;
        }
        if (found) {
            return {};
        }
        found = node;
    }
    return found;
}

// Comments and CDATA sections split a text into several nodes.
ChildText text_of(const pugi::xml_node& element) {
    ChildText result{std::string(), false};
    for (const pugi::xml_node& node : element.children()) {
        if (is_element(node)) {
            return {std::nullopt, true};
        }
        *result.text += node.value();
    }
    return result;
}

}  // namespace

XmlReply::XmlReply(std::string_view body) {
    const std::string_view text = trimmed(body);
    // pugixml passes over text outside of the root, where no server has any.
    const bool plausible = text.starts_with('<') && text.ends_with('>') && text.find('\0') == std::string_view::npos;
    if (!plausible || refers_to_nul(text)) {
        return;
    }
    // A key may be a single blank, hence the flag.
    constexpr unsigned options = pugi::parse_default | pugi::parse_ws_pcdata_single;
    if (document_.load_buffer(text.data(), text.size(), options, pugi::encoding_utf8)) {
        root_ = only_element(document_);
    }
}

pugi::xml_node XmlReply::root(std::string_view name) const {
    return local_name(root_) == name ? root_ : pugi::xml_node();
}

std::string_view local_name(const pugi::xml_node& node) {
    if (!is_element(node)) {
        return {};
    }
    const std::string_view name = node.name();
    const std::size_t colon = name.find(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

ChildText child_text(const pugi::xml_node& parent, std::string_view name) {
    ChildText found;
    for (const pugi::xml_node& node : parent.children()) {
        if (local_name(node) != name) {
            continue;
        }
        if (found.text || found.ambiguous) {
            return {std::nullopt, true};
        }
        found = text_of(node);
    }
    return found;
}

}  // namespace lifeboat::s3

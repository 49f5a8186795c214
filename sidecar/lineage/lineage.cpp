#include "lineage/lineage.hpp"

namespace lifeboat::lineage {
namespace {

using catalogue::Manifest;
using catalogue::Mark;

std::string first_reason(const Manifest& manifest) {
    return manifest.marks.empty() ? "it came after a marked one" : manifest.marks.front().reason;
}

Mark follows(const catalogue::Ancestry& ancestry) {
    const auto& head = ancestry.head;
    const std::string id = head ? head->id.text() : ancestry.doubt->text();
    return {
        std::string(catalogue::follows_marked),
        "backup " + id + " is marked" + (head ? " (" + first_reason(*head) + ")" : "") + ", and nobody accepted that",
        {},
        id};
}

}  // namespace

Judgement judge(const catalogue::Ancestry& ancestry, const Manifest& now, const Rules& rules,
                const std::set<std::string>& on_server) {
    Judgement judgement;
    if (ancestry.trusted) {
        judgement = compare(*ancestry.trusted, now, rules, on_server);
    }
    if (!ancestry.doubt) {
        return judgement;
    }
    if (ancestry.head) {
        auto beside = compare(*ancestry.head, now, rules, on_server);
        if (beside.marks.empty()) {
            judgement.marks.clear();
        } else if (!ancestry.trusted) {
            judgement = std::move(beside);
        }
    }
    judgement.marks.push_back(follows(ancestry));
    return judgement;
}

}  // namespace lifeboat::lineage

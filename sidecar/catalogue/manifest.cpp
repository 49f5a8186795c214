#include "catalogue/manifest.hpp"

#include <algorithm>
#include <numeric>

namespace lifeboat::catalogue {

std::vector<store::StoredObject> Manifest::all_objects() const {
    std::vector<store::StoredObject> all;
    for (const auto& database : databases) {
        all.insert(all.end(), database.objects.begin(), database.objects.end());
    }
    all.insert(all.end(), globals.begin(), globals.end());
    if (proof) {
        all.insert(all.end(), proof->objects.begin(), proof->objects.end());
    }
    return all;
}

std::uint64_t Manifest::stored_bytes() const {
    const auto objects = all_objects();
    return std::accumulate(objects.begin(), objects.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const auto& object) { return sum + object.size; });
}

const DatabaseRecord* Manifest::find(std::string_view database) const {
    const auto found =
        std::find_if(databases.begin(), databases.end(), [&](const auto& d) { return d.name == database; });
    return found == databases.end() ? nullptr : &*found;
}

Status check_place(const Manifest& manifest, KeyKind found) {
    const bool partial = !manifest.failures.empty();
    if (partial == (found == KeyKind::partial_manifest)) {
        return done();
    }
    return Error{ErrorKind::corrupt,
                 "the manifest of backup " + manifest.id.text() + " is that of a " + (partial ? "partial" : "whole") +
                     " run, and lies where those of " + (partial ? "whole" : "partial") + " ones do",
                 "somebody copied it there: find out who may write into the store"};
}

}  // namespace lifeboat::catalogue

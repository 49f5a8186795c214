#include "doctor/thief.hpp"

#include "days_text.hpp"

namespace lifeboat::doctor {
namespace {

Finding could_read(const StoreSights& sights, Encryption encryption) {
    const std::string live = " (the server's password opens the live databases, as long as the server runs)";
    if (sights.reads == Right::no) {
        return passed("read", "nothing that is stored: the key may not read" + live);
    }
    if (encryption == Encryption::none || sights.plain_backups) {
        return warned("read", "every row of the backups that are stored without encryption" + live,
                      "set encryption.recipients, and let the plain ones go");
    }
    if (encryption == Encryption::opened_here) {
        return warned(
            "read", "every row: encryption.identity_file names a key that opens backups" + live,
            "take the key out of this pod, and encryption.identity_file out of its settings: whoever restores "
            "gives it by -i");
    }
    if (!sights.catalogue) {
        return unknown("read", "whether all that is stored is encrypted was not seen" + live,
                       "see the lines on store and backups");
    }
    return passed("read",
                  "no row: backups are encrypted to keys that are not here; names of databases, sizes and times "
                  "stand in manifests" +
                      live);
}

// Of a lock whose promise the store was seen to break nothing is kept.
bool is_locked(const StoreSights& sights) {
    return sights.locked_days && sights.locks_hold != Right::no;
}

// How long what is hidden can be brought back.
std::string until_of(const StoreSights& sights) {
    if (is_locked(sights)) {
        return "";
    }
    if (!sights.rules_seen) {
        return ", until a rule of the bucket deletes it, if there is one: that was not seen";
    }
    if (!sights.hidden_deleted_after) {
        return "";
    }
    return ", until the bucket's own rule deletes it " + days_text(*sights.hidden_deleted_after) + " later" +
           (sights.lock_seen ? "" : ", unless a lock keeps it: that was not seen");
}

// There is nothing to bring back then.
Finding without_versions(const StoreSights& sights) {
    const std::string cure = "use a bucket that keeps versions";
    switch (sights.deletes) {
        case Right::no: return passed("hide", "nothing: it would have to delete");
        case Right::yes: return warned("hide", "every backup: without versions, to hide is to delete", cure);
        case Right::unknown: break;
    }
    return unknown("hide", "without versions, to hide is to delete: see there", cure);
}

Finding could_hide(const StoreSights& sights) {
    const std::string said = "; it is reported as tampering, and `list` and `restore` still find what is hidden";
    const std::string until = until_of(sights);
    if (!sights.bucket || (sights.versioning && *sights.versioning != s3::Versioning::on)) {
        return without_versions(sights);
    }
    if (sights.b2 && sights.writes == Right::yes) {
        return warned("hide", "every backup, as on Backblaze B2 whoever may write may hide" + said + until,
                      "keep object lock on, so that no rule deletes what was hidden before its time");
    }
    if (sights.deletes == Right::yes) {
        return warned("hide", "every backup" + said + until, "take the right to delete from the key");
    }
    return unknown("hide", "it was not tried, as that would hide something" + said + until,
                   "see that the key lacks s3:DeleteObject");
}

Finding could_delete_with_the_right(const StoreSights& sights) {
    const std::string cure =
        "take that right from the key, and set a default retention in compliance mode: "
        "docs/stores.md";
    if (!sights.bucket) {
        return warned("delete", "everything",
                      "use a bucket with object lock: a folder protects nothing from who "
                      "writes to it");
    }
    if (sights.locks_hold == Right::yes && sights.locked_days) {
        return warned("delete",
                      "what is older than " + days_text(*sights.locked_days) + ": the store holds to its lock",
                      "take that right from the key");
    }
    return warned("delete",
                  sights.locks_hold == Right::no ? "everything, for good: the store does not hold to its locks"
                                                 : "everything that is not locked, for good",
                  cure);
}

Finding could_delete(const StoreSights& sights) {
    switch (sights.deletes) {
        case Right::no: return passed("delete", "nothing, for good: the key may not");
        case Right::yes: return could_delete_with_the_right(sights);
        case Right::unknown: break;
    }
    return unknown("delete", "it was not tried: there is no backup here yet, or it was not seen that versions are kept",
                   "run doctor again after the first backup; see that the key lacks deleteFiles (B2) or "
                   "s3:DeleteObjectVersion");
}

// The first version counts, for as long as it is there.
Finding could_overwrite_versions(const StoreSights& sights) {
    const std::string check = "overwrite";
    if (is_locked(sights) || (sights.rules_seen && !sights.hidden_deleted_after)) {
        return passed(check, "nothing that counts: a later version is reported, and the first one is the backup");
    }
    const std::string reported = "a later version is reported and does not count; ";
    if (!sights.rules_seen) {
        return unknown(check,
                       reported + "whether a rule then deletes the first one" +
                           (sights.lock_seen ? "" : ", or a lock keeps it,") + " was not seen",
                       sights.lock_seen ? "see the line on rules" : "see the lines on rules and object lock");
    }
    const std::string later = days_text(*sights.hidden_deleted_after) + " later";
    if (!sights.lock_seen) {
        return unknown(check,
                       reported + "the bucket's own rule deletes the first one " + later +
                           ", unless a lock keeps it: that was not seen",
                       "see the line on object lock");
    }
    return warned(
        check,
        "every backup, for good: it is reported, and the bucket's own rule deletes what was written over " + later,
        sights.locked_days ? "use another store: this one does not hold to its locks"
                           : "set a default retention in compliance mode: docs/stores.md");
}

Finding could_overwrite(const StoreSights& sights) {
    if (sights.writes == Right::no) {
        return passed("overwrite", "nothing: the key may not write");
    }
    if (sights.writes == Right::unknown) {
        return unknown("overwrite", "whether the key may write was not seen", "see the line on write");
    }
    if (!sights.bucket) {
        return warned("overwrite", "every backup", "use a bucket with versions and object lock");
    }
    if (!sights.versioning) {
        return unknown("overwrite", "whether the bucket keeps versions was not seen", "see the line on versioning");
    }
    return *sights.versioning == s3::Versioning::on
               ? could_overwrite_versions(sights)
               : warned("overwrite", "every backup: the bucket keeps no versions", "switch versioning on");
}

Finding could_forge(const StoreSights& sights) {
    if (sights.writes == Right::no) {
        return passed("forge", "nothing: the key may not write");
    }
    if (sights.writes == Right::unknown) {
        return unknown("forge", "whether the key may write was not seen", "see the line on write");
    }
    return warned("forge",
                  "a new backup, a drill's result, or an acceptance, that look like ours: anyone can encrypt to "
                  "public keys",
                  "hold drills from outside, and compare with the store's own times; what was there before stays");
}

}  // namespace

Findings thief_could(const StoreSights& sights, Encryption encryption) {
    return {could_read(sights, encryption), could_hide(sights), could_delete(sights), could_overwrite(sights),
            could_forge(sights)};
}

}  // namespace lifeboat::doctor

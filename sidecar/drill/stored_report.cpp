#include "drill/stored_report.hpp"

#include "age/age_stream.hpp"
#include "store/segments.hpp"
#include "stream/zstd.hpp"

#include <algorithm>
#include <numeric>

namespace lifeboat::drill {
namespace {

using std::chrono::milliseconds;

constexpr int level = 3;

std::optional<milliseconds> time_of(const Report& report, std::initializer_list<const char*> stages) {
    std::optional<milliseconds> sum;
    for (const auto& stage : report.stages) {
        if (std::find(stages.begin(), stages.end(), stage.name) != stages.end()) {
            sum = sum.value_or(milliseconds(0)) + stage.took;
        }
    }
    return sum;
}

// The first that went wrong.
std::string failed_step(const Report& report) {
    const auto has = [&report](std::initializer_list<const char*> kinds) {
        return std::any_of(report.findings.begin(), report.findings.end(), [&kinds](const auto& finding) {
            return std::find(kinds.begin(), kinds.end(), finding.kind) != kinds.end();
        });
    };
    if (report.proven()) {
        return {};
    }
    if (has({"object"})) {
        return "fetch";
    }
    return has({"restore"}) ? "restore" : "";
}

Status store_text(store::ObjectStore& store, const store::ObjectKey& key, const std::string& text,
                  const std::vector<age::Recipient>& recipients) {
    store::SegmentWriter segments(store, key);
    std::unique_ptr<stream::Sink> encrypting;
    if (!recipients.empty()) {
        auto made = age::encryptor(recipients, segments);
        if (!made) {
            return std::move(made).error();
        }
        encrypting = std::move(*made);
    }
    auto compressing = stream::zstd_compressor(level, encrypting ? *encrypting : segments);
    if (!compressing) {
        return std::move(compressing).error();
    }
    if (auto written = (*compressing)->write(stream::as_bytes(text)); !written) {
        return written;
    }
    if (auto finished = (*compressing)->finish(); !finished) {
        return finished;
    }
    auto committed = segments.commit();
    return committed ? done() : Status(std::move(committed).error());
}

}  // namespace

catalogue::DrillResult result_of(const Report& report, const catalogue::Manifest& manifest,
                                 const std::string& lifeboat) {
    catalogue::DrillResult result{manifest.id,     manifest.instance, report.started,
                                  report.finished, lifeboat,          report.server_version};
    result.passed = report.proven();
    result.failed_step = failed_step(report);
    for (const auto& finding : report.findings) {
        if (finding.kind != "check") {
            ++result.differences[finding.kind];
        }
    }
    for (const auto& check : report.checks) {
        ++(check.passed ? result.checks_passed : result.checks_failed);
    }
    if (report.restore_took.count() > 0) {
        result.restore = report.restore_took;
    }
    result.fetch = time_of(report, {"verify"});
    result.compare = time_of(report, {"compare", "definitions", "globals"});
    result.recipients = report.opened_by;
    result.bytes = manifest.stored_bytes();
    return result;
}

Status store_report(store::ObjectStore& store, const catalogue::Layout& layout, const Report& report,
                    const catalogue::Manifest& manifest, const std::string& lifeboat) {
    std::vector<age::Recipient> recipients;
    for (const auto& text : manifest.recipients) {
        auto recipient = age::Recipient::parse(text);
        if (!recipient) {
            return in_context("the backup's recipient", std::move(recipient).error());
        }
        recipients.push_back(*recipient);
    }
    const auto key = layout.drill_report(manifest.id, report.started, manifest.encrypted());
    if (auto stored = store_text(store, key, to_json(report), recipients); !stored) {
        return stored;
    }
    auto result = catalogue::store_drill_result(store, layout, result_of(report, manifest, lifeboat));
    return result ? done() : Status(std::move(result).error());
}

}  // namespace lifeboat::drill

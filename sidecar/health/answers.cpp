#include "answers.hpp"

#include "health/render.hpp"
#include "health/words.hpp"
#include "page_style.hpp"

#include <utility>

namespace lifeboat::health {

namespace {

// The version of the text format that prometheus-cpp writes.
constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* json_type = "application/json";
constexpr const char* html_type = "text/html; charset=utf-8";

// The kubelet does not follow a redirect to another host: it counts as success, and the body becomes a warning event.
// No name below .invalid ever resolves (RFC 6761), for a client that does follow.
constexpr const char* nowhere = "http://backups-need-attention.invalid/";

std::shared_ptr<const std::string> shared(std::string text) {
    return std::make_shared<const std::string>(std::move(text));
}

Answer nothing_here(Surface surface) {
    std::string text = "there is nothing here; this address serves /livez, /healthz and /metrics";
    if (surface == Surface::page) {
        text = "there is nothing here; this address serves /, /livez, /healthz, /metrics and /status.json";
    }
    return {404, Answer{}.content_type, shared(text + "\n")};
}

}  // namespace

Answers::Answers(const Board& board, const Heartbeat& heartbeat, const os::Clock& clock,
                 std::chrono::milliseconds wedged_after)
    : board_(board), heartbeat_(heartbeat), clock_(clock), wedged_after_(wedged_after) {}

Answer Answers::to(Surface surface, std::string_view path, bool livez_warns) {
    if (path == "/livez") {
        return livez(livez_warns);
    }
    if (path == "/healthz") {
        return healthz();
    }
    if (path == "/metrics") {
        look();
        return {200, metrics_type, text(Text::metrics)};
    }
    if (path == "/" && surface == Surface::page) {
        return page();
    }
    if (path == "/status.json" && surface == Surface::page) {
        look();
        return {200, json_type, text(Text::status)};
    }
    return nothing_here(surface);
}

Answer Answers::livez(bool warns) {
    const auto age = heartbeat_.age();
    if (age > wedged_after_) {
        return {503, Answer{}.content_type,
                shared("the supervisor's loop has not gone round for " +
                       duration_text(std::chrono::duration_cast<std::chrono::seconds>(age)) + "\n")};
    }
    if (warns) {
        look();
        if (!verdict_.healthy()) {
            return {302, Answer{}.content_type, text(Text::warning), nowhere};
        }
    }
    static const auto well = shared("ok\n");
    return {200, Answer{}.content_type, well};
}

Answer Answers::healthz() {
    look();
    return {verdict_.healthy() ? 200U : 503U, json_type, text(Text::healthz)};
}

Answer Answers::page() {
    look();
    return {200, html_type, text(Text::page), nullptr, page_policy().c_str()};
}

void Answers::look() {
    auto facts = board_.read();
    const auto now = clock_.now();
    const auto age = now - now_;
    if (facts == facts_ && age >= TimePoint::duration::zero() && age < std::chrono::seconds(1)) {
        return;
    }
    facts_ = std::move(facts);
    now_ = now;
    verdict_ = judge(*facts_, now_);
    bodies_ = {};
}

std::shared_ptr<const std::string> Answers::text(Text which) {
    auto& body = bodies_.at(static_cast<std::size_t>(which));
    if (!body) {
        body = shared(render(which));
    }
    return body;
}

std::string Answers::render(Text which) const {
    switch (which) {
        case Text::healthz: return healthz_json(*facts_, verdict_, now_);
        case Text::metrics: return metrics_text(*facts_, verdict_, heartbeat_.age());
        case Text::status: return status_json(*facts_, verdict_, now_);
        case Text::page: return page_html(*facts_, verdict_, now_);
        case Text::warning: return warning_text(*facts_, verdict_);
    }
    return {};
}

void Answers::forget() {
    facts_.reset();
    verdict_ = {};
    bodies_ = {};
}

}  // namespace lifeboat::health

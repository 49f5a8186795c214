// What each path says.
#pragma once

#include "health/judge.hpp"
#include "health/server.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace lifeboat::health {

enum class Surface { pod, page };  // which address a client came to

struct Answer {
    unsigned status = 200;
    const char* content_type = "text/plain; charset=utf-8";
    std::shared_ptr<const std::string> body;
    const char* location = nullptr;  // of a redirect
    // What a browser may do with it; the text's owner lives as long as the program.
    const char* content_security_policy = "default-src 'none'; frame-ancestors 'none'";
};

// The server's thread alone. A body is made at most once a second as long as the facts stay the same, so that a flood
// of requests costs no more than sending.
class Answers {
public:
    Answers(const Board& board, const Heartbeat& heartbeat, const os::Clock& clock,
            std::chrono::milliseconds wedged_after);

    Answer to(Surface surface, std::string_view path, bool livez_warns);

    // Lets go of the bodies: the largest is some hundred KiB, and nobody is asking.
    void forget();

private:
    enum class Text : std::size_t { healthz, metrics, status, page, warning };
    static constexpr std::size_t texts = 5;

    Answer livez(bool warns);
    Answer healthz();
    Answer page();
    void look();  // at the board and the clock
    std::shared_ptr<const std::string> text(Text which);
    [[nodiscard]] std::string render(Text which) const;

    const Board& board_;
    const Heartbeat& heartbeat_;
    const os::Clock& clock_;
    std::chrono::milliseconds wedged_after_;

    // What the bodies below were made from.
    std::shared_ptr<const Facts> facts_;
    TimePoint now_;
    Verdict verdict_;
    std::array<std::shared_ptr<const std::string>, texts> bodies_;
};

}  // namespace lifeboat::health

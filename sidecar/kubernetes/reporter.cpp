#include "kubernetes/reporter.hpp"

#include "api.hpp"
#include "desk.hpp"
#include "health/judge.hpp"
#include "os/errno_text.hpp"
#include "os/fd.hpp"
#include "os/random.hpp"

#include <sys/eventfd.h>
#include <unistd.h>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <random>
#include <system_error>
#include <thread>
#include <utility>

namespace lifeboat::kubernetes {
namespace {

Means real_means() {
    constexpr std::size_t unique_bytes = 8;
    return {std::chrono::steady_clock::now,
            [engine = std::minstd_rand(std::random_device()())]() mutable {
                return std::uniform_real_distribution<double>(0, 1)(engine);
            },
            [] { return os::random_hex(unique_bytes); }};
}

}  // namespace

class Reporter::Impl {
public:
    Impl(Surroundings surroundings, const health::Board& board, const os::Clock& clock, os::Fd news)
        : board_(board), clock_(clock), surroundings_(std::move(surroundings)), ready_(std::move(news)) {}

    void apply(const Wanted& wanted) {
        {
            const std::lock_guard lock(mutex_);
            if (wanted == wanted_) {
                return;
            }
            wanted_ = wanted;
            wanted_anew_ = true;
            woken_ = true;
        }
        start();
        wake_.notify_one();
    }

    void look() {
        {
            const std::lock_guard lock(mutex_);
            if (!wanted_.any()) {
                return;
            }
            woken_ = true;
        }
        start();
        wake_.notify_one();
    }

    [[nodiscard]] int fd() const { return ready_.get(); }

    std::optional<News> take_news() {
        std::uint64_t count = 0;
        (void)!::read(ready_.get(), &count, sizeof count);
        const std::lock_guard lock(mutex_);
        return std::exchange(news_, std::nullopt);
    }

private:
    // What libcurl and a thread cost is for those who want something. Where the system has no thread to give, the next
    // look tries again.
    void start() {
        if (thread_.joinable()) {
            return;
        }
        if (!desk_) {
            api_ = curl_api({.user_agent = "lifeboat/" + surroundings_.version});
            desk_ = std::make_unique<Desk>(*api_, surroundings_, real_means());
        }
        try {
            thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
        } catch (const std::system_error&) {
            tell_that_there_is_no_thread();
        }
    }

    void tell_that_there_is_no_thread() {
        const health::Problem problem{"no thread can be started to report to Kubernetes",
                                      "allow this container more processes (its limit on pids)"};
        desk_->want(wanted_);  // there is nobody else who could be at it
        auto facts = desk_->facts();
        for (auto& report : facts) {
            report.problem = report.wanted ? std::optional(problem) : std::nullopt;
        }
        if (facts == told_) {
            return;
        }
        told_ = std::move(facts);
        publish({{log::LogLevel::warn,
                  "kubernetes_not_reported",
                  {{"object", "api"}, {"error", problem.what}, {"next", problem.next}}}});
    }

    void run(const std::stop_token& stop) {
        auto deadline = SteadyPoint::min();
        while (!stop.stop_requested()) {
            wait(stop, deadline);
            if (stop.stop_requested()) {
                return;
            }
            const auto facts = board_.read();
            const auto now = clock_.now();
            const auto verdict = health::judge(*facts, now);
            deadline = desk_->work({*facts, verdict, now}, stop);
            hand_over();
        }
    }

    void wait(const std::stop_token& stop, SteadyPoint deadline) {
        std::unique_lock lock(mutex_);
        const auto is_woken = [this] { return woken_; };
        if (deadline == SteadyPoint::max()) {
            (void)wake_.wait(lock, stop, is_woken);
        } else if (deadline > std::chrono::steady_clock::now()) {
            (void)wake_.wait_until(lock, stop, deadline, is_woken);
        }
        woken_ = false;
        if (std::exchange(wanted_anew_, false)) {
            desk_->want(wanted_);
        }
    }

    void hand_over() {
        auto lines = desk_->take_lines();
        if (lines.empty() && desk_->facts() == told_) {
            return;
        }
        told_ = desk_->facts();
        publish(std::move(lines));
    }

    void publish(std::vector<Line> lines) {
        {
            const std::lock_guard lock(mutex_);
            if (!news_) {
                news_.emplace();
            }
            news_->facts = told_;
            std::move(lines.begin(), lines.end(), std::back_inserter(news_->lines));
        }
        const std::uint64_t one = 1;
        (void)!::write(ready_.get(), &one, sizeof one);
    }

    const health::Board& board_;
    const os::Clock& clock_;
    const Surroundings surroundings_;
    const os::Fd ready_;
    std::unique_ptr<Api> api_;
    std::unique_ptr<Desk> desk_;  // the thread's own, once that is there
    health::KubernetesFacts told_{};

    std::mutex mutex_;
    std::condition_variable_any wake_;
    bool woken_ = false;
    bool wanted_anew_ = false;
    Wanted wanted_;
    std::optional<News> news_;

    std::jthread thread_;  // the last: it ends before what it uses goes
};

Reporter::Reporter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Reporter::~Reporter() = default;

Result<std::unique_ptr<Reporter>> Reporter::open(Surroundings surroundings, const health::Board& board,
                                                 const os::Clock& clock) {
    os::Fd news(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!news) {
        return failed("cannot make an event descriptor: " + os::errno_text(errno));
    }
    auto impl = std::make_unique<Impl>(std::move(surroundings), board, clock, std::move(news));
    return std::unique_ptr<Reporter>(new Reporter(std::move(impl)));
}

void Reporter::apply(const Wanted& wanted) {
    impl_->apply(wanted);
}

void Reporter::look() {
    impl_->look();
}

int Reporter::fd() const {
    return impl_->fd();
}

std::optional<News> Reporter::take_news() {
    return impl_->take_news();
}

}  // namespace lifeboat::kubernetes

#include "notify/teller.hpp"

#include "body.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace lifeboat::notify {
namespace {

using health::Facts;
using health::Hook;
using health::ReasonCode;
using health::RunResult;
using health::TimePoint;
using Codes = std::set<ReasonCode>;

Message json(Hook hook, std::string body) {
    return {hook, {}, "application/json", std::move(body)};
}

Message ping(std::string leaf, std::string body) {
    return {Hook::ping, std::move(leaf), "text/plain; charset=utf-8", std::move(body)};
}

Codes codes_of(const health::Verdict& verdict) {
    Codes codes;
    for (const auto& reason : verdict.reasons) {
        codes.insert(reason.code);
    }
    return codes;
}

Codes without(const Codes& all, const Codes& these) {
    Codes rest;
    std::set_difference(all.begin(), all.end(), these.begin(), these.end(), std::inserter(rest, rest.end()));
    return rest;
}

// Whether the backup that was made is one that an owner should look at first.
bool is_marked(const Facts& facts) {
    const auto* backup = made_by_last_run(facts);
    return backup != nullptr && backup->state == health::BackupState::marked;
}

}  // namespace

std::vector<Message> Teller::hear(const Facts& facts, TimePoint now, const Wanted& wanted) {
    std::vector<Message> messages;
    const auto& last = facts.runs.last;
    const bool run_ended = last && run_heard_ != last->ended;
    if (run_ended) {
        run_heard_ = last->ended;
    }
    seen_good_ = seen_good_ || facts.store.last_good.has_value();
    if (!wanted.ping) {
        failed_ping_from_.reset();
    } else if (run_ended) {
        ping_end(facts, messages);
    } else {
        ping_mended(facts, messages);
        ping_start(facts, messages);
    }
    if (wanted.on_success && run_ended && last->result == RunResult::good) {
        messages.push_back(json(Hook::on_success, success_body(facts, now)));
    }
    if (wanted.on_failure) {
        tell_health(facts, now, run_ended, messages);
    } else {
        forget_health();  // who asks later hears of it then
    }
    return messages;
}

void Teller::delivered(std::uint64_t number) {
    const auto found = on_their_way_.find(number);
    if (found == on_their_way_.end()) {
        return;
    }
    heard_ = std::move(found->second);
    on_their_way_.erase(on_their_way_.begin(), std::next(found));
    if (number == told_number_) {
        unheard_.clear();
    }
}

void Teller::undelivered(std::uint64_t number, bool at_once, TimePoint now) {
    if (on_their_way_.erase(number) == 0 || number != told_number_) {
        return;  // what came after it tells more
    }
    given_up_ = true;
    const auto when = at_once ? now : now + limits_.say_again_after;
    say_again_at_ = std::min(say_again_at_.value_or(TimePoint::max()), when);
}

void Teller::readdressed(TimePoint now) {
    if (given_up_) {
        say_again_at_ = now;
    }
}

void Teller::forget_health() {
    told_.clear();
    on_their_way_.clear();
    heard_.clear();
    unheard_.clear();
    given_up_ = false;
    differs_since_.reset();
    say_again_at_.reset();
    unwell_since_.reset();
}

// The sidecar whose turn it is tells how its backups are. That they are in order is not for this one to say.
void Teller::forget_what_others_tell() {
    if (std::none_of(told_.begin(), told_.end(), health::is_for_whose_turn_it_is)) {
        return;
    }
    const auto forget = [](Codes& codes) { std::erase_if(codes, health::is_for_whose_turn_it_is); };
    forget(told_);
    forget(heard_);
    forget(unheard_);
    for (auto& [number, codes] : on_their_way_) {
        forget(codes);
    }
    if (told_.empty()) {
        given_up_ = false;
        say_again_at_.reset();
    }
}

void Teller::tell_health(const Facts& facts, TimePoint now, bool run_ended, std::vector<Message>& messages) {
    const auto verdict = health::judge(facts, now);
    if (verdict.has(ReasonCode::drained)) {
        return;  // somebody who ends the pod knows; if the pod stays, so does what else is wrong
    }
    if (facts.turn.turn == health::Turn::not_ours) {
        forget_what_others_tell();
    }
    const Codes codes = codes_of(verdict);
    if (!unwell_since_ && !codes.empty()) {
        unwell_since_ = now;
    }
    const bool again = codes == told_ && say_again_at_ && now >= *say_again_at_;
    if (!again && !has_settled(codes, facts, now, run_ended)) {
        if (codes.empty() && told_.empty()) {
            unwell_since_.reset();
        }
        return;
    }
    // Against what arrived: what did not is as if it had never been said.
    const Codes& known = given_up_ ? heard_ : told_;
    HealthNews news;
    news.event = codes.empty()    ? Event::recovery
                 : known.empty()  ? Event::failure
                 : codes == known ? Event::reminder
                                  : Event::change;
    news.appeared = without(codes, known);
    news.gone = without(known, codes);
    if (codes.empty() && given_up_) {
        news.gone.insert(unheard_.begin(), unheard_.end());  // a trouble that nobody heard of was one all the same
    }
    news.since = again ? told_since_ : unwell_since_.value_or(now);
    auto message = json(Hook::on_failure, health_body(news, facts, now));
    message.number = ++told_number_;
    messages.push_back(std::move(message));
    on_their_way_[told_number_] = codes;
    unheard_.insert(codes.begin(), codes.end());
    told_ = codes;
    told_since_ = news.since;
    given_up_ = false;
    differs_since_.reset();
    say_again_at_.reset();
    if (codes.empty()) {
        unwell_since_.reset();
    } else {
        say_again_at_ = now + limits_.remind_after;
    }
}

bool Teller::has_settled(const Codes& codes, const Facts& facts, TimePoint now, bool run_ended) {
    if (codes == told_ || (told_.empty() && !is_worth_a_call(codes, facts, now))) {
        differs_since_.reset();
        return false;
    }
    if (!differs_since_ || now < *differs_since_) {  // the clock may have been set back
        differs_since_ = now;
    }
    return run_ended || now - *differs_since_ >= limits_.settle;
}

bool Teller::is_worth_a_call(const Codes& codes, const Facts& facts, TimePoint now) const {
    const bool only_the_first_is_missing = codes == Codes{ReasonCode::no_backup_yet} && !seen_good_;
    return !only_the_first_is_missing || now - facts.started >= limits_.first_backup_within;
}

void Teller::ping_start(const Facts& facts, std::vector<Message>& messages) {
    const auto& running = facts.running;
    if (running && running->activity == health::Activity::backup && !running->id.empty() &&
        running->id != start_pinged_) {
        start_pinged_ = running->id;
        messages.push_back(ping("start", {}));
    }
}

void Teller::ping_end(const Facts& facts, std::vector<Message>& messages) {
    const auto& last = *facts.runs.last;
    switch (last.result) {
        case RunResult::good:
            if (!is_marked(facts)) {
                failed_ping_from_.reset();
                messages.push_back(ping({}, run_text(facts)));
                return;
            }
            break;
        case RunResult::not_needed:
            failed_ping_from_.reset();
            messages.push_back(ping({}, run_text(facts)));
            return;
        case RunResult::partial:
        case RunResult::failed:
        case RunResult::crashed:
        case RunResult::overrun: break;
        case RunResult::not_ours:     // whoever makes the backups pings
        case RunResult::lock_held:    // due still, and told when it is made
        case RunResult::interrupted:  // the same
        case RunResult::yielded: return;
    }
    failed_ping_from_ = std::chrono::floor<std::chrono::seconds>(last.started);  // as exact as a manifest is
    messages.push_back(ping("fail", run_text(facts)));
}

// Backups are in order again by no run of ours: one was made by hand, or a marked one was accepted.
void Teller::ping_mended(const Facts& facts, std::vector<Message>& messages) {
    const auto& store = facts.store;
    const bool good_since = failed_ping_from_ && store.last_good && store.last_good->started >= *failed_ping_from_;
    const bool in_doubt = store.doubt || store.other_server || store.newest_partial;
    if (!good_since || in_doubt || facts.turn.turn == health::Turn::not_ours) {
        return;
    }
    failed_ping_from_.reset();
    messages.push_back(ping({}, facts.instance + ": backup " + store.last_good->id + " is good"));
}

}  // namespace lifeboat::notify

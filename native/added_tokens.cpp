#include "added_tokens.h"

#include <algorithm>

namespace starling {

void PatternSet::add(Pattern pattern) {
    if (pattern.text.empty()) return;
    empty_ = false;
    by_first_byte_[static_cast<unsigned char>(pattern.text[0])].push_back(std::move(pattern));
}

void PatternSet::sort() {
    for (auto & patterns : by_first_byte_) {
        std::stable_sort(patterns.begin(), patterns.end(),
                         [](const Pattern & a, const Pattern & b) { return a.text.size() > b.text.size(); });
    }
}

const Pattern * PatternSet::match(std::string_view text, size_t at, size_t template_end) const {
    for (const Pattern & pattern : by_first_byte_[static_cast<unsigned char>(text[at])]) {
        if (!pattern.everywhere && at + pattern.text.size() > template_end) continue;
        if (text.compare(at, pattern.text.size(), pattern.text) == 0) return &pattern;
    }
    return nullptr;
}

void cut_out(const PatternSet & patterns, const Parts & parts, std::vector<int32_t> & ids,
             const std::function<void(size_t from, size_t to)> & stretch) {
    const std::string_view text(parts.text);
    size_t begin = 0;
    size_t part = 0;
    for (size_t at = 0; at < text.size();) {
        while (parts.ends[part] <= at) part++;
        const Pattern * hit = patterns.match(text, at, part % 2 == 0 ? parts.ends[part] : 0);
        if (hit == nullptr) {
            at++;
            continue;
        }
        if (at > begin) stretch(begin, at);
        ids.push_back(hit->id);
        at += hit->text.size();
        begin = at;
    }
    if (begin < text.size()) stretch(begin, text.size());
}

}  // namespace starling

// What the page looks like, and what a browser may do with it.
#pragma once

#include "html.hpp"

#include <string>

namespace lifeboat::health {

Markup page_style();   // what stands between <style> and </style>
Markup page_shapes();  // an SVG that is not seen, whose symbols the page uses by name

// The Content-Security-Policy: nothing but that style, by its hash, and pictures that are part of the page itself.
const std::string& page_policy();

}  // namespace lifeboat::health

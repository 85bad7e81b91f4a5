// The chapters as a WebAssembly module: its two functions, which cmake/wasm/pack.js gives JavaScript.
#include "chapter.hpp"

#include <emscripten/emscripten.h>

using walkthrough::Chapter;

extern "C" {

// A JSON list of Chapter::json(). The text is good until the next call.
EMSCRIPTEN_KEEPALIVE const char* walkthrough_chapters() {
  static std::string text;
  text = "[";
  for (const Chapter* chapter : Chapter::all()) text += (text.size() > 1 ? "," : "") + chapter->json();
  text += "]";
  return text.c_str();
}

// Chapter::recompute of the chapter with that name. The text is good until the next call.
EMSCRIPTEN_KEEPALIVE const char* walkthrough_recompute(const char* name, const char* values) {
  static std::string text;
  text = R"({"error":"there is no chapter of this name"})";
  for (const Chapter* chapter : Chapter::all()) {
    if (chapter->name() == name) text = chapter->recompute(values);
  }
  return text.c_str();
}

}  // extern "C"

// Writes JSON text. Numbers that need 64 bits are written as strings: JavaScript would round them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace afterimage {

class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name) {
    string(name);
    text_ += ':';
    comma_ = false;
    return *this;
  }
  JsonWriter& string(std::string_view value) {
    separate();
    quote(value);
    return *this;
  }
  JsonWriter& number(std::uint64_t value) {
    separate();
    text_ += std::to_string(value);
    return *this;
  }
  JsonWriter& number(std::int64_t value) {
    separate();
    text_ += std::to_string(value);
    return *this;
  }
  JsonWriter& field(std::string_view name, std::string_view value) { return key(name).string(value); }
  JsonWriter& field(std::string_view name, const char* value) { return key(name).string(value); }
  JsonWriter& field(std::string_view name, std::uint64_t value) { return key(name).number(value); }
  JsonWriter& field(std::string_view name, std::int64_t value) { return key(name).number(value); }
  const std::string& text() const { return text_; }

 private:
  JsonWriter& open(char bracket) {
    separate();
    text_ += bracket;
    comma_ = false;
    return *this;
  }
  JsonWriter& close(char bracket) {
    text_ += bracket;
    comma_ = true;
    return *this;
  }
  void separate() {
    if (comma_) text_ += ',';
    comma_ = true;
  }
  // Bytes that are not ASCII pass through: what we write (paths, names) is UTF-8 or the user's own bytes.
  void quote(std::string_view value) {
    text_ += '"';
    for (const char c : value) {
      if (c == '"' || c == '\\') {
        text_ += '\\';
        text_ += c;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        text_ += "\\u00";
        text_ += "0123456789abcdef"[c >> 4 & 15];
        text_ += "0123456789abcdef"[c & 15];
      } else {
        text_ += c;
      }
    }
    text_ += '"';
  }

  std::string text_;
  bool comma_ = false;
};

}  // namespace afterimage

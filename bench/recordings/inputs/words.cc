// Something for a C++ compiler to chew on: what counts is what the headers bring in.
#include <map>
#include <string>
#include <vector>

int main(int count, char** words) {
  std::map<std::string, std::vector<int>> places;
  for (int i = 0; i < count; i++) places[words[i]].push_back(i);
  std::size_t sum = 0;
  for (auto& [word, at] : places) sum += word.size() * at.size();
  return static_cast<int>(sum);
}

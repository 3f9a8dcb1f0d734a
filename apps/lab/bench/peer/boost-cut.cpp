// Minimum s-t cuts by Boost's Boykov-Kolmogorov, for bench:optimizer to compare with. Reads from standard input
//   vertices pairs problems
//   two vertices of each pair
//   for each problem: capacities from the source, to the sink, and of each pair there and back; 1e300 is infinite
// and prints for each problem: milliseconds to build the graph, milliseconds to cut it, the cut's capacity.
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/boykov_kolmogorov_max_flow.hpp>
#include <chrono>
#include <cstdio>
#include <vector>

using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
using Graph = boost::adjacency_list<
    boost::vecS, boost::vecS, boost::directedS,
    boost::property<boost::vertex_color_t, boost::default_color_type,
    boost::property<boost::vertex_distance_t, long,
    boost::property<boost::vertex_predecessor_t, Traits::edge_descriptor>>>,
    boost::property<boost::edge_capacity_t, double,
    boost::property<boost::edge_residual_capacity_t, double,
    boost::property<boost::edge_reverse_t, Traits::edge_descriptor>>>>;
using Clock = std::chrono::steady_clock;

static double msSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

int main() {
  int vertices, pairs, problems;
  if (std::scanf("%d %d %d", &vertices, &pairs, &problems) != 3) return 2;
  std::vector<int> ends(2 * pairs);
  for (int& end : ends) if (std::scanf("%d", &end) != 1) return 2;
  std::vector<double> source(vertices), sink(vertices), pair(2 * pairs);
  for (int problem = 0; problem < problems; problem++) {
    for (auto* list : {&source, &sink, &pair})
      for (double& value : *list) if (std::scanf("%lf", &value) != 1) return 2;
    const auto begun = Clock::now();
    Graph graph(vertices + 2);
    auto capacity = boost::get(boost::edge_capacity, graph);
    auto reverse = boost::get(boost::edge_reverse, graph);
    const auto add = [&](int from, int to, double there, double back) {
      const auto arc = boost::add_edge(from, to, graph).first;
      const auto other = boost::add_edge(to, from, graph).first;
      capacity[arc] = there;
      capacity[other] = back;
      reverse[arc] = other;
      reverse[other] = arc;
    };
    for (int vertex = 0; vertex < vertices; vertex++) {
      if (source[vertex] > 0) add(vertices, vertex, source[vertex], 0);
      if (sink[vertex] > 0) add(vertex, vertices + 1, sink[vertex], 0);
    }
    for (int at = 0; at < pairs; at++) add(ends[2 * at], ends[2 * at + 1], pair[2 * at], pair[2 * at + 1]);
    const double buildMs = msSince(begun);
    const auto built = Clock::now();
    const double value = boost::boykov_kolmogorov_max_flow(graph, vertices, vertices + 1);
    std::printf("%.6f %.6f %.12g\n", buildMs, msSince(built), value);
  }
  return 0;
}

#include "sync/replica/planted.hpp"

namespace distributor::replica {

Planted planted_bug = Planted::none;

}  // namespace distributor::replica

// All of Veneer's library: `#include <veneer/veneer.h>`. docs/library.md explains it.
#pragma once

#include "base/error.h"
#include "base/result.h"
#include "base/units.h"
#include "library/clean_up.h"
#include "library/disk_host.h"
#include "library/flatten.h"
#include "library/loop_registry.h"
#include "library/sizes.h"
#include "library/snapshot.h"
#include "library/template_identity.h"

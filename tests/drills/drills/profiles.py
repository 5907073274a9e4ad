"""How fast keepalived notices: interval of its adverts, and whether it needs real-time priority (docs/failover.md)."""

PROFILES = {"safe": {"advert_interval_ms": 1000}, "default": {"advert_interval_ms": 100}, "fast": {"advert_interval_ms": 50},
            "extreme": {"advert_interval_ms": 20, "realtime": True}}

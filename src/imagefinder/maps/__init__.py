"""Maps of a collection: its images on a plane, so that like lies by like."""

from imagefinder.maps.maps import Map, kept_map, kept_maps, map_records, open_map

__all__ = ["Map", "kept_map", "kept_maps", "map_records", "open_map"]

"""Keeps a workspace well: looks it over, takes it elsewhere whole, and clears away what nobody needs any more."""

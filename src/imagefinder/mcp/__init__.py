"""The index as tools for agents, by the Model Context Protocol. Imported only when it is served."""

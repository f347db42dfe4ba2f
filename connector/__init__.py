"""crm-connector: order and contact changes from Kafka into a CRM."""

__version__ = "0.1.0"

"""Operations: health checks, metrics, the doctor and data retention."""

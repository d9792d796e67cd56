from offloadctl.format.proto import pulsar_pb2 as _pulsar_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MetadataBatch(_message.Message):
    __slots__ = ("of",)
    OF_FIELD_NUMBER: _ClassVar[int]
    of: _containers.RepeatedCompositeFieldContainer[_pulsar_pb2.MessageMetadata]
    def __init__(self, of: _Optional[_Iterable[_Union[_pulsar_pb2.MessageMetadata, _Mapping]]] = ...) -> None: ...

class MetadataMerged(_message.Message):
    __slots__ = ("of",)
    OF_FIELD_NUMBER: _ClassVar[int]
    of: MetadataColumns
    def __init__(self, of: _Optional[_Union[MetadataColumns, _Mapping]] = ...) -> None: ...

class MetadataColumns(_message.Message):
    __slots__ = ("compression", "num_messages_in_batch", "encryption_keys", "marker_type", "num_chunks_from_msg")
    COMPRESSION_FIELD_NUMBER: _ClassVar[int]
    NUM_MESSAGES_IN_BATCH_FIELD_NUMBER: _ClassVar[int]
    ENCRYPTION_KEYS_FIELD_NUMBER: _ClassVar[int]
    MARKER_TYPE_FIELD_NUMBER: _ClassVar[int]
    NUM_CHUNKS_FROM_MSG_FIELD_NUMBER: _ClassVar[int]
    compression: _containers.RepeatedScalarFieldContainer[int]
    num_messages_in_batch: _containers.RepeatedScalarFieldContainer[int]
    encryption_keys: _containers.RepeatedScalarFieldContainer[bytes]
    marker_type: _containers.RepeatedScalarFieldContainer[int]
    num_chunks_from_msg: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, compression: _Optional[_Iterable[int]] = ..., num_messages_in_batch: _Optional[_Iterable[int]] = ..., encryption_keys: _Optional[_Iterable[bytes]] = ..., marker_type: _Optional[_Iterable[int]] = ..., num_chunks_from_msg: _Optional[_Iterable[int]] = ...) -> None: ...

class BrokerMetadataBatch(_message.Message):
    __slots__ = ("of",)
    OF_FIELD_NUMBER: _ClassVar[int]
    of: _containers.RepeatedCompositeFieldContainer[_pulsar_pb2.BrokerEntryMetadata]
    def __init__(self, of: _Optional[_Iterable[_Union[_pulsar_pb2.BrokerEntryMetadata, _Mapping]]] = ...) -> None: ...

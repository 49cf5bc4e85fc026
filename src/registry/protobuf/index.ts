/** `rivulet/registry/protobuf`: Protobuf for a `SchemaRegistry`; its types are those of `@bufbuild/protobuf`. */

export { type ProtobufOptions, protobuf } from './protobuf.ts'
